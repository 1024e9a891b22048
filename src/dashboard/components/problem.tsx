/** Messages for data that is loading, empty or unavailable. */
import type { ComponentChildren } from 'preact';
import type { Failure } from '../state/notices.js';
import { safeLine } from '../text/safe-text.js';

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Problem({ what, error, retry }: { what: string; error: Failure; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{what}</strong> {safeLine(error.message)}
      </p>
      <Hint of={error} />
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Shows the hint of an error: the way to fix the problem. */
export const Hint = ({ of: { hint } }: { of: { hint?: string | undefined } }) =>
  hint ? <p class="muted">{safeLine(hint)}</p> : null;

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      {what}
    </p>
  );
}
