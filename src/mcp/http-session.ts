/** Session of one HTTP client: its connection to an MCP server, its toolbox, and the time after which it counts as gone. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Toolbox } from '../tools/toolbox.js';
import { createMcpServer } from './server.js';

export interface SessionPatience {
  /** Time without a request after which a client without an open stream counts as gone, in milliseconds. */
  idleMs: number;
  /** Time after the loss of a client's stream for server messages after which the client counts as gone, in milliseconds. */
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
    /** Name of the token that may use the session. */
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

  /** Returns true if the client sent nothing for so long that it counts as gone. */
  get isAbandoned(): boolean {
    const { idleMs, graceMs } = this.#patience;
    return this.#open === 0 && Date.now() - this.#quietSince > (this.#hadStream ? graceMs : idleMs);
  }

  /**
   * Handles a request of the client.
   * @param body Body of a POST request, already parsed.
   */
  async handle(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void> {
    this.#open++;
    response.once('close', () => {
      this.#open--;
      this.#quietSince = Date.now();
    });
    await this.#transport.handleRequest(request, response, body);
    if (request.method === 'GET' && response.statusCode === 200) this.#hadStream = true;
  }

  /** Ends the session: its calls and its sandboxes. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#transport.close(), this.#toolbox.close()]).then(() => {});
    return this.#closing;
  }
}
