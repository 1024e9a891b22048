/** The button that the project is named for. One click, no question: what it ends can be started again. */
import { useState } from 'preact/hooks';

export function AbortButton({ label, hint, abort }: { label: string; hint?: string; abort: () => Promise<unknown> }) {
  const [busy, setBusy] = useState(false);
  const onClick = () => {
    setBusy(true);
    void abort().finally(() => setBusy(false));
  };
  return (
    <button type="button" class="abort" onClick={onClick} aria-busy={busy} title={hint}>
      {label}
    </button>
  );
}
