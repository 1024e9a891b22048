/** Wraps the hijacked attach connection as the pipe to the agent. */
import type { Duplex } from 'node:stream';
import type { Transport, TransportHandlers } from '../../agent/transport.js';
import { StdcopyParser } from './stdcopy.js';

export class AttachTransport implements Transport {
  readonly #socket: Duplex & { ref?(): void; unref?(): void };
  #closed = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Writes are combined per event-loop turn, because each write wakes up the engine's processes. */
  write(bytes: Uint8Array, more?: Uint8Array): void {
    if (this.#closed || !this.#socket.writable) return;
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(bytes);
    if (more !== undefined) this.#socket.write(more);
  }

  receive(handlers: TransportHandlers): void {
    let cause: Error | undefined;
    const parser = new StdcopyParser((channel, bytes) => {
      if (channel === 1) handlers.data(bytes);
      else handlers.diagnostics(bytes.toString('utf8'));
    });
    const close = () => {
      if (this.#closed) return;
      this.#closed = true;
      this.#socket.destroy();
      handlers.close(cause);
    };
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        parser.push(chunk);
      } catch (error) {
        cause = error as Error;
        close();
      }
    });
    // Ignore socket errors (reset, broken pipe): the close event is enough.
    this.#socket.on('error', () => {});
    this.#socket.on('end', close);
    this.#socket.on('close', close);
  }

  destroy(): void {
    // Unread data in an attach connection blocks the engine's removal of the container. Destroy the socket.
    this.#closed = true;
    this.#socket.destroy();
  }

  ref(): void {
    this.#socket.ref?.();
  }

  unref(): void {
    this.#socket.unref?.();
  }
}
