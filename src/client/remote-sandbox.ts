/** A sandbox on a server, with the interface of a local one. */
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import type { SandboxStats } from '../agent/messages.js';
import { deferred, onAbort, throwIfAborted } from '../base/abort.js';
import { checkText } from '../base/content.js';
import { InvalidOptionsError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import { WORKSPACE } from '../base/places.js';
import type { SandboxReceipt } from '../cleanup/receipt.js';
import { toArgv } from '../command/lines.js';
import {
  type ExecOptions,
  execSchema,
  type PipedSpawnOptions,
  type RunCodeOptions,
  runCodeSchema,
  type SpawnOptions,
  type StdinSource,
  spawnSchema,
} from '../command/options.js';
import type { ExecResult } from '../command/outcome.js';
import type { DiffOptions } from '../files/options.js';
import { SandboxPorts } from '../ports/sandbox-ports.js';
import type { AnyCommand, AnyPipedCommand, AnyPorts, AnySandbox } from '../sandbox/any-sandbox.js';
import type { CommandLine } from '../sandbox/sandbox.js';
import type { WireResult } from '../wire/commands.js';
import { fromErrorDocument } from '../wire/errors.js';
import type { TunnelAnswer } from '../wire/messages.js';
import { type PreviewDocument, previewBody } from '../wire/ports.js';
import { decodeResult } from '../wire/result.js';
import { extendBody, type SandboxDocument } from '../wire/sandboxes.js';
import { WebSocketDuplex } from '../wire/websocket-duplex.js';
import { openSocket } from './open-socket.js';
import { RemoteCommand } from './remote-command.js';
import { RemoteCommands } from './remote-commands.js';
import { streamExec } from './remote-exec.js';
import { RemoteFiles } from './remote-files.js';
import type { Transport } from './transport.js';

/** Address of a port for a browser. */
export interface RemotePreview {
  /** Number of the port inside the sandbox. */
  port: number;
  /** Path on the server: `/p/<secret>/`. */
  path: string;
  /** Whole URL. Undefined on a Unix socket, which a browser reaches through `ssh -L` or another forwarder. */
  url: string | undefined;
}

/** Maximum length of stdin in a JSON request. Longer input is sent in pieces over a WebSocket. */
const MAX_JSON_STDIN = 256 * 1024;

type Parsed = z.output<typeof execSchema>;
type AnyExecOptions = ExecOptions | ExecOptions<Uint8Array>;

/** A sandbox on a server. It has the methods of {@link Sandbox} that work over the network. */
export class RemoteSandbox implements AnySandbox {
  /** Id of the sandbox. */
  readonly id: string;
  /** Image that it was created from. */
  readonly image: string;
  /** Labels given to `client.create()`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Time of its creation, by the clock of the server. */
  readonly createdAt: Date;
  /** Path of the workspace inside. */
  readonly workspace = WORKSPACE;
  /** Files of the sandbox. */
  readonly files: RemoteFiles;
  /** Ports of the sandbox. */
  readonly ports: AnyPorts;
  /** Background commands, which keep running without a connection. */
  readonly commands: RemoteCommands;
  readonly #transport: Transport;
  readonly #path: string;
  readonly #ended = deferred<void>();
  #closing: Promise<SandboxReceipt> | undefined;

  /** @internal */
  constructor(transport: Transport, { id, image, labels = {}, createdAt }: SandboxDocument) {
    this.id = id;
    this.image = image;
    this.labels = labels;
    this.createdAt = new Date(createdAt);
    this.#transport = transport;
    this.#path = `/v1/sandboxes/${id}`;
    this.files = new RemoteFiles(transport, this.#path);
    this.commands = new RemoteCommands(transport, this.#path);
    this.ports = new SandboxPorts({
      connect: (port, signal) => this.#connect(port, signal),
      ended: () => this.#ended.promise,
    });
  }

  /** True once `close()` was called. Other endings are known only to the server. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Runs a command to its end, as `sandbox.exec()` does. */
  async exec(
    command: CommandLine,
    options: ExecOptions<Uint8Array> & { encoding: 'buffer' },
  ): Promise<ExecResult<Uint8Array>>;
  async exec(command: CommandLine, options?: ExecOptions): Promise<ExecResult>;
  async exec(command: CommandLine, options?: AnyExecOptions): Promise<ExecResult<never>> {
    const parsed = parseOptions(execSchema, options, 'exec');
    toArgv(command);
    return this.#run('exec', { command }, parsed);
  }

  /** Runs a program given as text, as `sandbox.runCode()` does. */
  async runCode(
    code: string,
    options: RunCodeOptions<Uint8Array> & { encoding: 'buffer' },
  ): Promise<ExecResult<Uint8Array>>;
  async runCode(code: string, options?: RunCodeOptions): Promise<ExecResult>;
  async runCode(code: string, options?: RunCodeOptions | RunCodeOptions<Uint8Array>): Promise<ExecResult<never>> {
    const { language, args, ...parsed } = parseOptions(runCodeSchema, options, 'runCode');
    checkText(code, 'runCode: the program');
    return this.#run('run-code', { code, language, args }, parsed);
  }

  /** Starts a command and returns its streams, as `sandbox.spawn()` does. */
  async spawn(command: CommandLine, options?: PipedSpawnOptions): Promise<AnyPipedCommand>;
  async spawn(command: CommandLine, options?: SpawnOptions): Promise<AnyCommand>;
  async spawn(command: CommandLine, options?: SpawnOptions): Promise<AnyCommand> {
    const { signal, user, stdin, ...rest } = parseOptions(spawnSchema, options, 'spawn');
    toArgv(command);
    refuseUser(user);
    throwIfAborted(signal, 'running a command');
    const begin = { ...rest, command, stdin: stdin === 'pipe' };
    return RemoteCommand.start(this.#transport, `${this.#path}/exec`, begin, signal);
  }

  /** Compares the workspace with its seed: `files.diff()`. */
  diff(options?: DiffOptions): ReturnType<RemoteFiles['diff']> {
    return this.files.diff(options);
  }

  /** Returns memory, CPU time and processes, as the kernel counts them. */
  async stats(): Promise<SandboxStats> {
    const ask = { what: 'reading stats', query: { stats: true } };
    const { stats } = await this.#transport.json<{ stats: SandboxStats }>('GET', this.#path, ask);
    return stats;
  }

  /** Sets the end of the sandbox to `lifetimeMs` from now. */
  async extend(lifetimeMs: number): Promise<void> {
    parseOptions(extendBody, { lifetimeMs }, 'extend');
    await this.#transport.json('POST', `${this.#path}/extend`, { what: 'extending a sandbox', json: { lifetimeMs } });
  }

  /**
   * Gives a port an address for a browser. The address needs no token: anyone who has it can use the port until the
   * sandbox ends. Each call returns the same address.
   * @throws InvalidOptionsError for a number outside 1–65535; RipcordError `quota` past 100 ports
   */
  async preview(port: number): Promise<RemotePreview> {
    parseOptions(previewBody, { port }, 'preview');
    const ask = { what: `opening a preview of port ${port}`, json: { port } };
    const { path } = await this.#transport.json<PreviewDocument>('POST', `${this.#path}/previews`, ask);
    return { port, path, url: this.#transport.addressOf(path) };
  }

  /** Ends the sandbox and returns the receipt of the server. Idempotent. */
  close(): Promise<SandboxReceipt> {
    this.#closing ??= this.#transport
      .json<SandboxReceipt>('DELETE', this.#path, { what: 'closing a sandbox' })
      .finally(() => this.#ended.resolve());
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(how: 'exec' | 'run-code', what: object, parsed: Parsed): Promise<ExecResult<never>> {
    const { signal, stdin, encoding, onStdout, onStderr, user, ...options } = parsed;
    refuseUser(user);
    throwIfAborted(signal, 'running a command');
    const streamed = onStdout !== undefined || onStderr !== undefined || !fitsJson(stdin);
    if (streamed) {
      const begin = { ...options, ...what, type: how };
      const more = { signal, stdin, encoding, onStdout, onStderr };
      return streamExec(this.#transport, `${this.#path}/exec`, begin, more);
    }
    const text = encoding === 'utf8';
    const wire = await this.#transport.json<WireResult>('POST', `${this.#path}/${how}`, {
      what: 'running a command',
      json: { ...options, ...what, ...toJson(stdin), encoding: text ? 'utf8' : 'base64' },
      signal,
      text,
    });
    return decodeResult(wire, text);
  }

  #connect(port: number, signal: AbortSignal | undefined): Promise<Duplex> {
    throwIfAborted(signal, `connecting to port ${port}`);
    const socket = openSocket(this.#transport, `${this.#path}/tunnel/${port}`);
    return new Promise((resolve, reject) => {
      const unlisten = onAbort(signal, () => socket.terminate());
      const fail = (error: unknown) => {
        unlisten();
        socket.terminate();
        try {
          throwIfAborted(signal, `connecting to port ${port}`);
          reject(error);
        } catch (aborted) {
          reject(aborted);
        }
      };
      const lost = (error: unknown) => fail(this.#transport.lost(`connecting to port ${port}`, error));
      socket.on('error', lost);
      socket.on('unexpected-response', (_, response) => {
        void this.#transport.refused(response, `connecting to port ${port}`).then(fail);
      });
      const closed = () => lost(new Error('the socket was closed'));
      socket.once('close', closed);
      socket.once('message', (data: Buffer) => {
        const message = JSON.parse(data.toString('utf8')) as TunnelAnswer;
        if (message.type !== 'connected') return fail(fromErrorDocument(message));
        socket.off('error', lost).off('close', closed);
        const duplex = new WebSocketDuplex(socket);
        duplex.once('close', unlisten);
        resolve(duplex);
      });
    });
  }
}

function refuseUser(user: string | undefined): void {
  if (user !== undefined) throw new InvalidOptionsError('user: a server does not let its callers choose one');
}

const fitsJson = (stdin: StdinSource | undefined): boolean =>
  stdin === undefined || ((typeof stdin === 'string' || stdin instanceof Uint8Array) && stdin.length <= MAX_JSON_STDIN);

function toJson(stdin: StdinSource | undefined): object {
  if (stdin === undefined) return {};
  if (typeof stdin === 'string') return { stdin };
  return { stdin: { base64: Buffer.from(stdin as Uint8Array).toString('base64') } };
}
