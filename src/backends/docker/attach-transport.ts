/** The hijacked attach connection as the pipe to the agent. */
import type { Duplex } from 'node:stream';
import type { Transport, TransportHandlers } from '../../agent/transport.js';
import { StdcopyParser } from './stdcopy.js';

export class AttachTransport implements Transport {
  readonly #socket: Duplex & { ref?(): void; unref?(): void };
  #closed = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** What is written in one turn goes out in one piece: each costs the processes of the engine a wake-up. */
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
    // A socket's own errors (reset, broken pipe) say no more than that it is closed.
    this.#socket.on('error', () => {});
    this.#socket.on('end', close);
    this.#socket.on('close', close);
  }

  destroy(): void {
    // Unread data in an attach connection blocks the engine's removal of the container: close it hard.
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
