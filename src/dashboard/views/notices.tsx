import { dismiss, notices } from '../state/notices.js';
import { safeLine } from '../text/safe-text.js';

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, kind, text, hint }) => (
        <div key={id} class={`notice ${kind}`}>
          <div>
            <p>{safeLine(text, 500)}</p>
            {hint && <p class="muted">{safeLine(hint, 500)}</p>}
          </div>
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
