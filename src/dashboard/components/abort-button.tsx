/** The abort button, after which the project is named. It does not ask for confirmation: aborted work can be restarted. */
import { useState } from 'preact/hooks';

interface AbortButtonProps {
  label: string;
  /** Name of the thing that it aborts, if the label does not show it. */
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
