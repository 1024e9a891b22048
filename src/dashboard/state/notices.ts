/** Short messages about successes and errors, announced to screen readers. */
import { signal } from '@preact/signals';
import { ApiError } from '../api/http.js';

interface Notice {
  id: number;
  kind: 'ok' | 'error';
  text: string;
  hint?: string;
}

const SHOWN_MS = 8000;
const MAX_SHOWN = 4;
let nextId = 1;

export const notices = signal<readonly Notice[]>([]);

export function notify(kind: Notice['kind'], text: string, hint?: string): void {
  const id = nextId++;
  notices.value = [...notices.value, { id, kind, text, ...(hint && { hint }) }].slice(-MAX_SHOWN);
  // An error stays until the user closes it.
  if (kind === 'ok') setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Runs an action of the user and shows a notice if it fails. */
export async function attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    // The sign-in form already shows it.
    if (error instanceof ApiError && error.status === 401) return undefined;
    const { message, hint } = failureOf(error);
    notify('error', `${what}: ${message}`, hint);
    return undefined;
  }
}

/** An error, with a hint if it has one. */
export interface Failure {
  message: string;
  hint?: string;
}

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof ApiError && error.hint ? { message, hint: error.hint } : { message };
}
