/** A socket between a manager and its engine, through which single connections can be cut or made to stall. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineSocket } from './engine-api.js';

interface Connection {
  client: Socket;
  engine: Socket;
  /** The first line of the last request: `POST /containers/abc/attach?… HTTP/1.1`. */
  request: string;
}

const REQUEST = /^(?:GET|POST|PUT|DELETE|HEAD) \S+ HTTP\/1\.1\r\n/;

export class PipeProxy {
  readonly #directory = mkdtempSync(join(tmpdir(), 'rc-proxy-'));
  readonly endpoint = `unix://${join(this.#directory, 'engine.sock')}`;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;

  private constructor(target: string) {
    this.#server = createServer((client) => this.#accept(client, target));
  }

  static async start(target = engineSocket()): Promise<PipeProxy> {
    const proxy = new PipeProxy(target);
    proxy.#server.listen(proxy.endpoint.slice('unix://'.length));
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** The pipes of sandboxes, in the order they were attached. */
  get attached(): Connection[] {
    return [...this.#connections].filter(({ request }) => /^POST \S*\/containers\/[^/]+\/attach\?/.test(request));
  }

  /** Cuts a pipe, both ends at once. */
  cut({ client, engine }: Connection): void {
    client.destroy();
    engine.destroy();
  }

  /** Stops forwarding in both directions without closing, as a peer that lost its power. */
  stall({ client, engine }: Connection): void {
    client.unpipe(engine);
    engine.unpipe(client);
    client.pause();
    engine.pause();
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) this.cut(connection);
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #accept(client: Socket, target: string): void {
    const engine = createConnection(target);
    const connection: Connection = { client, engine, request: '' };
    this.#connections.add(connection);
    client.on('data', (chunk) => {
      const line = REQUEST.exec(chunk.subarray(0, 1024).toString('latin1'));
      // After an attach the connection carries frames instead of requests.
      if (line && !connection.request.includes('/attach?')) connection.request = line[0].trim();
    });
    client.pipe(engine);
    engine.pipe(client);
    for (const socket of [client, engine]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#connections.delete(connection);
        this.cut(connection);
      });
    }
  }
}
