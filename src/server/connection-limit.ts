/** Limits the number of connections. At the limit, the oldest connection without a valid token is closed. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export class ConnectionLimit {
  readonly #max: number;
  /** Connections without a valid token, in the order they were opened. */
  readonly #unknown = new Set<Socket>();
  #open = 0;

  constructor(server: Server, max: number) {
    this.#max = max;
    server.on('connection', (socket: Socket) => this.#take(socket));
  }

  /** Marks a connection on which a valid token arrived. */
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
