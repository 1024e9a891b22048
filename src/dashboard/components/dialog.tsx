/**
 * A modal dialog: the browser keeps the focus in it, closes it with Escape and restores the focus. It first focuses the
 * first field. Without a field it focuses the first button of the footer, which must be harmless.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

const FIELDS = 'input:not([type=checkbox]), select, textarea';

export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current!;
    const before = document.activeElement;
    element.showModal();
    // By default the browser would focus the first element, the ✕.
    const first = element.querySelector<HTMLElement>(FIELDS) ?? element.querySelector<HTMLElement>('footer button');
    first?.focus();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet" onClick={onClose} aria-label="Close this dialog">
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}
