/** One client over HTTP: its connection to an MCP server, its toolbox, and when it counts as gone. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Toolbox } from '../tools/toolbox.js';
import { createMcpServer } from './server.js';

export interface SessionPatience {
  /** Without a request, for a client that holds no stream open. */
  idleMs: number;
  /** After the loss of the stream that a client holds open for the server's messages. */
  graceMs: number;
}

export class HttpSession {
  readonly id = randomUUID();
  readonly #transport: StreamableHTTPServerTransport;
  readonly #toolbox: Toolbox;
  readonly #patience: SessionPatience;
  #open = 0;
  #hadStream = false;
  #quietSince = Date.now();
  #closing: Promise<void> | undefined;

  private constructor(
    /** Who may use it. */
    readonly owner: string,
    toolbox: Toolbox,
    patience: SessionPatience,
    onEnd: (session: HttpSession) => void,
  ) {
    this.#toolbox = toolbox;
    this.#patience = patience;
    this.#transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => this.id,
      onsessionclosed: () => onEnd(this),
    });
  }

  static async open(
    owner: string,
    toolbox: Toolbox,
    options: { version: string; patience: SessionPatience; onEnd(session: HttpSession): void },
  ): Promise<HttpSession> {
    const session = new HttpSession(owner, toolbox, options.patience, options.onEnd);
    await createMcpServer(toolbox, options).connect(session.#transport);
    return session;
  }

  /** The client has not been heard of for so long that it will not come back. */
  get isForsaken(): boolean {
    const { idleMs, graceMs } = this.#patience;
    return this.#open === 0 && Date.now() - this.#quietSince > (this.#hadStream ? graceMs : idleMs);
  }

  /** @param body What was read of a POST already. */
  async handle(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void> {
    this.#open++;
    response.once('close', () => {
      this.#open--;
      this.#quietSince = Date.now();
    });
    await this.#transport.handleRequest(request, response, body);
    if (request.method === 'GET' && response.statusCode === 200) this.#hadStream = true;
  }

  /** Ends its calls, its sandboxes and all in them. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#transport.close(), this.#toolbox.close()]).then(() => {});
    return this.#closing;
  }
}
