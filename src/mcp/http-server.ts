/** MCP over streamable HTTP, for clients that do not start their servers themselves. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { InvalidOptionsError, messageOf, RipcordError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import { Tokens } from '../http/auth.js';
import { discardRest } from '../http/discard-rest.js';
import { refusalOf } from '../http/error-status.js';
import { Guards, ownHosts } from '../http/guards.js';
import type { ToolboxOptions } from '../tools/options.js';
import { createToolbox } from '../tools/toolbox.js';
import { HttpSession, type SessionPatience } from './http-session.js';

interface McpHttpOptions {
  toolbox: ToolboxOptions;
  version: string;
  host: string;
  /** TCP port; 0 picks a free one. */
  port: number;
  token: string;
  /** Further host names that clients may use for the server. */
  hosts: readonly string[];
  maxSessions: number;
  patience: SessionPatience;
  logger?: Logger;
}

const PATH = '/mcp';
/** Maximum size of a request: a call with a file of a few megabytes in base64. */
const MAX_BODY_BYTES = 8 * 1024 ** 2;
const HEADERS_MS = 10_000;
const BODY_MS = 30_000;
const MAX_CONNECTIONS = 512;
const CHECK_MS = 1000;

export class McpHttpServer implements AsyncDisposable {
  readonly #options: McpHttpOptions;
  readonly #server: Server;
  readonly #tokens: Tokens;
  readonly #sessions = new Map<string, HttpSession>();
  readonly #ending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  readonly #logger: Logger;
  #guards!: Guards;
  #opening = 0;

  private constructor(options: McpHttpOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#tokens = new Tokens([{ name: 'mcp', token: options.token }]);
    this.#server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: BODY_MS }, (request, response) => {
      this.#answer(request, response).catch((error) => this.#refuse(request, response, error));
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#timer = setInterval(() => this.#endAbandoned(), Math.min(CHECK_MS, options.patience.graceMs));
    this.#timer.unref();
  }

  /**
   * Starts a server.
   * @throws InvalidOptionsError if the address cannot be used
   */
  static async listen(options: McpHttpOptions): Promise<McpHttpServer> {
    const server = new McpHttpServer(options);
    const { host, port, hosts } = options;
    server.#server.listen(port, host);
    await once(server.#server, 'listening').catch((error) => {
      throw new InvalidOptionsError(`mcp: cannot listen on ${host}:${port}: ${messageOf(error)}`, { cause: error });
    });
    server.#guards = new Guards(ownHosts(host, server.port, hosts), server.#tokens, false);
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    const { host } = this.#options;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.port}${PATH}`;
  }

  /** Stops the server and ends every session, with all its sandboxes. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const session of this.#sessions.values()) this.#end(session);
    await Promise.all(this.#ending);
    this.#server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    this.#guards.check(request);
    const { name } = this.#tokens.authenticate(request);
    if (request.url !== PATH) throw new RipcordError('not-found', `MCP is served at ${PATH}`);
    const body = request.method === 'POST' ? await readJson(request) : undefined;
    const id = request.headers['mcp-session-id'];
    const session = typeof id === 'string' ? this.#known(id, name) : await this.#begin(name, body);
    await session.handle(request, response, body);
  }

  #known(id: string, owner: string): HttpSession {
    const session = this.#sessions.get(id);
    if (session?.owner === owner) return session;
    // The MCP specification requires 404 here: the client then begins a new session.
    throw new RipcordError('not-found', 'There is no such session (any more)');
  }

  async #begin(owner: string, body: unknown): Promise<HttpSession> {
    const { maxSessions, patience, toolbox, version } = this.#options;
    if (!isInitializeRequest(body)) {
      throw new RipcordError('malformed', 'Without an Mcp-Session-Id only an initialize request is accepted');
    }
    if (this.#sessions.size + this.#opening >= maxSessions) {
      throw new RipcordError('quota', `${maxSessions} clients are connected, which is all there may be`);
    }
    this.#opening++;
    try {
      const onEnd = (session: HttpSession) => this.#end(session);
      const session = await HttpSession.open(owner, createToolbox(toolbox), { version, patience, onEnd });
      this.#sessions.set(session.id, session);
      this.#logger.info({ session: session.id }, 'session begins');
      return session;
    } finally {
      this.#opening--;
    }
  }

  #endAbandoned(): void {
    for (const session of this.#sessions.values()) if (session.isAbandoned) this.#end(session);
  }

  #end(session: HttpSession): void {
    if (!this.#sessions.delete(session.id)) return;
    this.#logger.info({ session: session.id }, 'session ends');
    const ending = session.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
    ending.catch((error) => this.#logger.error({ error: messageOf(error) }, 'a session did not end well'));
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const { status, document, unforeseen } = refusalOf(error);
    if (unforeseen) this.#logger.error({ error: messageOf(error) }, 'a request failed');
    if (response.headersSent) return void response.destroy();
    if (status === 401) response.setHeader('www-authenticate', 'Bearer');
    discardRest(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  // A web page of another origin can send forms and plain text without a CORS preflight, but not JSON.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new RipcordError('media-type', 'The body must be JSON, and say so', {
      hint: 'Send the header content-type: application/json.',
    });
  }
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop must not destroy the request, because the refusal is sent on its connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > MAX_BODY_BYTES) {
      throw new RipcordError('too-large', `The body has more than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new RipcordError('malformed', `The body is not JSON: ${messageOf(error)}`);
  }
}
