/** The server's token: asked for once, kept for this tab alone, never part of an address. */
import { signal } from '@preact/signals';

const KEY = 'ripcord.token';

/** `undefined`: none was given. A server that asks for none is fine with that. */
export const token = signal(sessionStorage.getItem(KEY) ?? undefined);

/** Whether the server wants a token that it was not given. */
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
