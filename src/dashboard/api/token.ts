/** Token of the server: entered once, kept for this tab only, never part of a URL. */
import { signal } from '@preact/signals';

const KEY = 'ripcord.token';

/** Token that the user entered; undefined if none. On a Unix socket the server does not need one. */
export const token = signal(sessionStorage.getItem(KEY) ?? undefined);

/** True if the server refused the request without a valid token. */
export const refused = signal(false);

export function signIn(text: string): void {
  sessionStorage.setItem(KEY, text);
  token.value = text;
  refused.value = false;
}

export function signOut(): void {
  sessionStorage.removeItem(KEY);
  token.value = undefined;
  refused.value = true;
}
