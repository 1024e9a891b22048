/** Limits the connections. At the limit those without a valid token make room for others. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export class ConnectionLimit {
  readonly #max: number;
  /** In the order they were opened. */
  readonly #unknown = new Set<Socket>();
  #open = 0;

  constructor(server: Server, max: number) {
    this.#max = max;
    server.on('connection', (socket: Socket) => this.#take(socket));
  }

  /** A valid token came over this connection. */
  trust(socket: Socket): void {
    this.#unknown.delete(socket);
  }

  #take(socket: Socket): void {
    this.#open++;
    this.#unknown.add(socket);
    socket.once('close', () => {
      this.#open--;
      this.#unknown.delete(socket);
    });
    if (this.#open <= this.#max) return;
    const [longest] = this.#unknown;
    // A socket that is being closed must not be chosen again.
    this.#unknown.delete(longest!);
    longest!.destroy();
  }
}
