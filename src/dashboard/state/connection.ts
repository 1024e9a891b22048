/** Keeps the event stream of the server open. After a disconnect all data is read again, so that no change is missed. */
import { signal } from '@preact/signals';
import { Backoff, pause } from '../api/backoff.js';
import { openSocket } from '../api/socket.js';
import type { EventsAnswer, ServerEvent } from '../api/types.js';

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  /** The connection is lost. `retryAt` is the time of the next attempt, in milliseconds since 1970. */
  | { state: 'broken'; since: number; retryAt: number };

export const connection = signal<Connection>({ state: 'connecting' });

interface Listener {
  event(event: ServerEvent): void;
  /** Called once events arrive. Data that was read before may be outdated. */
  reload(): void;
}

const wake = new EventTarget();
const SILENT_CONNECT_MS = 10_000;

/** Retries at once instead of waiting. */
export const retryNow = (): void => void wake.dispatchEvent(new Event('wake'));

/** Follows the server until the signal fires. */
export async function follow(listener: Listener, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff();
  while (!signal.aborted) {
    await once(listener, signal, backoff);
    if (signal.aborted) return;
    const ms = backoff.nextMs();
    const { value } = connection;
    const since = value.state === 'broken' ? value.since : Date.now();
    connection.value = { state: 'broken', since, retryAt: Date.now() + ms };
    await pause(ms, signal, wake).catch(() => {});
  }
}

function once(listener: Listener, signal: AbortSignal, backoff: Backoff): Promise<void> {
  return new Promise((resolve) => {
    const socket = openSocket('/v1/events');
    const late = setTimeout(() => socket.close(), SILENT_CONNECT_MS);
    const stop = () => socket.close();
    signal.addEventListener('abort', stop, { once: true });
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      const message = JSON.parse(data) as EventsAnswer;
      if (message.type === 'event') listener.event(message.event);
      else {
        clearTimeout(late);
        backoff.succeeded();
        connection.value = { state: 'live' };
        listener.reload();
      }
    };
    socket.onclose = () => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      resolve();
    };
  });
}
