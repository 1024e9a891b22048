/** Nothing there yet, nothing there at all, or not to be had: said in words. */
import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api/http.js';
import { safeLine } from '../text/safe-text.js';

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Problem({ what, error, retry }: { what: string; error: ApiError; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{what}</strong> {safeLine(error.message)}
      </p>
      {error.hint && <p class="muted">{safeLine(error.hint)}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      {what}
    </p>
  );
}
