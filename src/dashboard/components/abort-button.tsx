/** The button that the project is named for. One click, no question: what it ends can be started again. */
import { useState } from 'preact/hooks';

interface AbortButtonProps {
  label: string;
  /** What it aborts, where that needs saying. */
  which?: string;
  hint?: string;
  abort: () => Promise<unknown>;
}

export function AbortButton({ label, which, hint, abort }: AbortButtonProps) {
  const [busy, setBusy] = useState(false);
  const onClick = () => {
    setBusy(true);
    void abort().finally(() => setBusy(false));
  };
  return (
    <button type="button" class="abort" onClick={onClick} aria-busy={busy} title={hint}>
      {label}
      {which && <span class="which">{which}</span>}
    </button>
  );
}
