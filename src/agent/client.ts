/** The host's end of one sandbox's pipe: handshake, streams by id, heartbeats, and the reason of its end. */

import { type Deferred, deferred } from '../base/abort.js';
import { type ErrorCode, messageOf, RipcordError } from '../base/errors.js';
import { errnoName, errnoText } from '../base/linux.js';
import { encodeFrame, encodeHeader, FrameParser, MAX_PAYLOAD } from './frame.js';
import {
  type ByeReason,
  decodeBye,
  decodeError,
  decodeListening,
  decodeReady,
  decodeResetDone,
  decodeStats,
  encodeHello,
  encodeLease,
  encodeListen,
  encodeSpawn,
  encodeU32,
  encodeU64,
  type Hello,
  MAX_REQUEST,
  PROTOCOL_VERSION,
  type Ready,
  Receive,
  type ResetResult,
  type SandboxStats,
  Send,
  type SpawnRequest,
} from './messages.js';
import { AgentStream, type StreamHandlers } from './stream.js';
import type { Transport } from './transport.js';

/** The end of a pipe. `bye` is the reason that the agent sent, if it could send one. */
export interface PipeEnd {
  bye: ByeReason | undefined;
  cause: Error | undefined;
  /** Last lines of the agent's stderr. */
  diagnostics: string;
}

/** Accepts a connection that a program in the sandbox made to the agent's port. It starts without credit. */
type Accept = (stream: AgentStream) => StreamHandlers;

interface Listener {
  listening: Deferred<number>;
  answered: boolean;
  accept: Accept;
  maxConnections: number;
  open: number;
}

const MAX_DIAGNOSTICS = 4096;
const OUTPUT_TYPES: ReadonlySet<number> = new Set([Receive.STDOUT, Receive.STDERR]);
/** Error codes of the agent that mean something other than a protocol error. */
const AGENT_ERRORS: Record<number, ErrorCode> = { 5: 'agent-unsafe', 7: 'invalid-options' };
/** Below this size one copied buffer is cheaper than two buffers. */
const COPY_BELOW = 8192;

export class AgentClient {
  readonly #transport: Transport;
  readonly #parser: FrameParser;
  readonly #streams = new Map<number, AgentStream>();
  readonly #ready = deferred<Ready>();
  readonly #ended = deferred<PipeEnd>();
  readonly #pings = new Map<bigint, Deferred<void>>();
  readonly #stats = new Map<number, Deferred<SandboxStats>>();
  readonly #resets = new Map<number, Deferred<ResetResult>>();
  #nextStream = 1;
  #warming: Deferred<boolean>[] = [];
  #listener: Listener | undefined;
  /** The last stream that the agent opened. Its ids are even. */
  #lastAccepted = 0;
  #nextToken = 1;
  #bye: ByeReason | undefined;
  #cause: Error | undefined;
  #diagnostics = '';
  #isReady = false;
  #receivedAt = performance.now();
  #isEnded = false;

  /** Sends HELLO at once. It waits in the pipe until the agent starts. */
  constructor(transport: Transport, hello: Hello) {
    this.#transport = transport;
    this.#parser = new FrameParser((stream, type, payload) => this.#frame(stream, type, payload), OUTPUT_TYPES);
    transport.receive({
      data: (bytes) => this.#data(bytes),
      diagnostics: (text) => {
        this.#diagnostics = (this.#diagnostics + text).slice(-MAX_DIAGNOSTICS);
      },
      close: (cause) => this.#end(cause),
    });
    this.#send(0, Send.HELLO, encodeHello(hello));
  }

  /** Resolves to READY, the agent's reply to HELLO. Rejects if the pipe ends first. */
  get ready(): Promise<Ready> {
    return this.#ready.promise;
  }

  /** Resolves when the pipe has ended, for any reason. Never rejects. */
  get ended(): Promise<PipeEnd> {
    return this.#ended.promise;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Time since the last bytes from the agent, in milliseconds. */
  get silentMs(): number {
    return performance.now() - this.#receivedAt;
  }

  /** Number of running commands and file operations. */
  get activeStreams(): number {
    return this.#streams.size;
  }

  /**
   * Starts a command.
   * @throws RipcordError `invalid-options` if arguments and environment exceed 4 MiB together
   */
  open(request: SpawnRequest, handlers: StreamHandlers): AgentStream {
    const encoded = encodeSpawn(request);
    const size = encoded.length > MAX_REQUEST ? encoded.length - Buffer.byteLength(request.program?.text ?? '') : 0;
    if (size > MAX_REQUEST) {
      throw new RipcordError(
        'invalid-options',
        `Arguments and environment are ${size} bytes; at most ${MAX_REQUEST} fit in one command`,
        { hint: 'Pass large data by stdin or a file.' },
      );
    }
    const id = this.#nextStream;
    this.#nextStream += 2;
    const stream = new AgentStream(id, request.credit, handlers, (type, payload) => this.#send(id, type, payload));
    if (this.#isEnded) {
      // The agent will never reply. Report the loss after the caller has received the stream.
      queueMicrotask(() => stream.lose());
      return stream;
    }
    this.#streams.set(id, stream);
    this.#transport.ref();
    const first = Math.min(encoded.length, MAX_PAYLOAD - 4);
    this.#send(id, Send.SPAWN, Buffer.concat([encodeU32(encoded.length), encoded.subarray(0, first)]));
    for (let at = first; at < encoded.length; at += MAX_PAYLOAD) {
      this.#send(id, Send.SPAWN_MORE, encoded.subarray(at, at + MAX_PAYLOAD));
    }
    return stream;
  }

  /**
   * Makes the agent listen on a free port of the sandbox's 127.0.0.1. It accepts at most `maxConnections` at a time.
   * @returns the port
   * @throws RipcordError `create-failed` if the agent cannot listen. It listens at most once in a sandbox's life.
   */
  listen(maxConnections: number, accept: Accept): Promise<number> {
    if (this.#isEnded) return Promise.reject(this.#loss());
    const listening = deferred<number>();
    this.#listener = { listening, answered: false, accept, maxConnections, open: 0 };
    this.#transport.ref();
    this.#send(0, Send.LISTEN, encodeListen(0, maxConnections));
    return listening.promise;
  }

  /** Sends PING. Resolves on PONG. */
  ping(): Promise<void> {
    if (this.#isEnded) return Promise.reject(this.#loss());
    const token = BigInt(this.#nextToken++);
    const pong = deferred<void>();
    this.#pings.set(token, pong);
    this.#send(0, Send.PING, encodeU64(token));
    return pong.promise;
  }

  stats(): Promise<SandboxStats> {
    if (this.#isEnded) return Promise.reject(this.#loss());
    const token = this.#nextToken++;
    const answer = deferred<SandboxStats>();
    this.#stats.set(token, answer);
    this.#transport.ref();
    this.#send(0, Send.STATS, encodeU32(token));
    return answer.promise;
  }

  /**
   * Makes the agent keep a warm interpreter. `request` describes how to start it, and for which user.
   * @returns true once it is ready; false if it cannot be started, so that every program gets its own interpreter
   */
  warm(request: SpawnRequest): Promise<boolean> {
    if (this.#isEnded) return Promise.reject(this.#loss());
    const answer = deferred<boolean>();
    // The caller may ignore this promise: avoid an unhandled rejection.
    answer.promise.catch(() => {});
    this.#warming.push(answer);
    this.#transport.ref();
    this.#send(0, Send.WARM, encodeSpawn(request));
    return answer.promise;
  }

  /** Sets the lease, and the remaining lifetime of the sandbox. */
  setLease(leaseMs: number, lifetimeMs: number): void {
    this.#send(0, Send.LEASE, encodeLease(leaseMs, lifetimeMs));
  }

  /** Limits the number of open sockets. Above it the agent kills all commands. 0: no limit. A reset keeps the limit. */
  limitSockets(most: number): void {
    this.#send(0, Send.LIMITS, encodeU32(most));
  }

  /**
   * Resets the sandbox to its state before the first command: all processes are killed, their files are removed, and
   * every stream is lost. The agent proves that nothing is left. Otherwise it reports the obstacle, and the sandbox
   * must not be used again.
   */
  reset(): Promise<ResetResult> {
    if (this.#isEnded) return Promise.reject(this.#loss());
    const token = this.#nextToken++;
    const done = deferred<ResetResult>();
    this.#resets.set(token, done);
    this.#transport.ref();
    this.#send(0, Send.RESET, encodeU64(token));
    this.#loseStreams();
    this.#listener = undefined;
    return done.promise;
  }

  /** Sends SHUTDOWN: the agent kills everything and exits. `ended` then resolves. */
  shutdown(): void {
    this.#send(0, Send.SHUTDOWN);
  }

  /** Closes the pipe: the agent kills everything and exits by itself. */
  destroy(cause?: Error): void {
    this.#cause ??= cause;
    this.#transport.destroy();
    this.#end(cause);
  }

  #send(stream: number, type: number, payload?: Uint8Array): void {
    if (this.#isEnded) return;
    if (payload === undefined || payload.length < COPY_BELOW) {
      this.#transport.write(encodeFrame(stream, type, payload));
    } else {
      this.#transport.write(encodeHeader(payload.length, stream, type), payload);
    }
  }

  #data(bytes: Buffer): void {
    if (this.#isEnded) return;
    this.#receivedAt = performance.now();
    try {
      this.#parser.push(bytes);
    } catch (error) {
      // A protocol error ends this sandbox, never the process.
      this.destroy(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #frame(id: number, type: number, payload: Buffer): void {
    if (this.#isEnded) return;
    if (id === 0) return this.#control(type, payload);
    if (type === Receive.ACCEPTED) return this.#accepted(id);
    const stream = this.#streams.get(id);
    if (!stream) {
      if (id % 2 === 1 ? id < this.#nextStream : id <= this.#lastAccepted) return;
      throw new RipcordError('protocol', `The agent sent a frame for stream ${id}, which was never opened`);
    }
    stream.receive(type, payload);
    if (stream.finished) this.#forget(id);
  }

  #accepted(id: number): void {
    const listener = this.#listener;
    if (this.#resets.size > 0 && id === this.#lastAccepted + 2) {
      // The agent sent it before it received our RESET.
      this.#lastAccepted = id;
      return;
    }
    if (!listener || id !== this.#lastAccepted + 2 || listener.open >= listener.maxConnections) {
      throw new RipcordError('protocol', `The agent opened stream ${id} without permission`);
    }
    this.#lastAccepted = id;
    listener.open++;
    const stream = new AgentStream(id, 0, listener.accept, (type, payload) => this.#send(id, type, payload));
    this.#streams.set(id, stream);
    this.#transport.ref();
  }

  #control(type: number, payload: Buffer): void {
    if (!this.#isReady && type !== Receive.READY && type !== Receive.ERROR && type !== Receive.BYE) {
      throw new RipcordError('protocol', 'The agent sent a frame before READY');
    }
    switch (type) {
      case Receive.READY: {
        const ready = decodeReady(payload);
        if (ready.version !== PROTOCOL_VERSION) {
          throw new RipcordError(
            'protocol',
            `The agent uses protocol version ${ready.version}, this host version ${PROTOCOL_VERSION}`,
          );
        }
        this.#isReady = true;
        this.#idle();
        return this.#ready.resolve(ready);
      }
      case Receive.PONG: {
        const token = payload.length >= 8 ? payload.readBigUInt64LE(0) : 0n;
        this.#pings.get(token)?.resolve();
        this.#pings.delete(token);
        return;
      }
      case Receive.STATS: {
        const { token, stats } = decodeStats(payload);
        this.#stats.get(token)?.resolve(stats);
        this.#stats.delete(token);
        return this.#idle();
      }
      case Receive.RESET_DONE: {
        const { token, ...result } = decodeResetDone(payload);
        this.#resets.get(token)?.resolve(result);
        this.#resets.delete(token);
        return this.#idle();
      }
      case Receive.LISTENING: {
        const { port, errno } = decodeListening(payload);
        if (!this.#listener) throw new RipcordError('protocol', 'The agent sent LISTENING without a request');
        this.#listener.answered = true;
        if (port > 0) this.#listener.listening.resolve(port);
        else this.#listener.listening.reject(cannotListen(errno));
        return this.#idle();
      }
      case Receive.WARMED:
        // One WARMED frame answers every pending WARM.
        for (const pending of this.#warming.splice(0)) pending.resolve(payload[0] === 1);
        return this.#idle();
      case Receive.BYE:
        this.#bye = decodeBye(payload);
        return;
      case Receive.ERROR: {
        const { code, message } = decodeError(payload);
        throw new RipcordError(AGENT_ERRORS[code] ?? 'protocol', `The agent gave up: ${message}`, {
          details: { agentCode: code },
        });
      }
      default:
        throw new RipcordError('protocol', `The agent sent a control frame of unknown type 0x${type.toString(16)}`);
    }
  }

  #forget(id: number): void {
    this.#streams.delete(id);
    if (id % 2 === 0 && this.#listener) this.#listener.open--;
    this.#idle();
  }

  /** Keeps the host process alive only while a reply is pending. An idle sandbox does not. */
  #idle(): void {
    const pending = this.#stats.size + this.#resets.size + this.#warming.length;
    if (this.#streams.size + pending === 0 && this.#listener?.answered !== false) this.#transport.unref();
  }

  #end(cause: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cause ??= cause;
    const error = this.#loss();
    this.#ready.reject(error);
    this.#listener?.listening.reject(error);
    for (const pending of [
      ...this.#pings.values(),
      ...this.#stats.values(),
      ...this.#resets.values(),
      ...this.#warming,
    ]) {
      pending.reject(error);
    }
    this.#pings.clear();
    this.#stats.clear();
    this.#resets.clear();
    this.#ended.resolve({ bye: this.#bye, cause: this.#cause, diagnostics: this.#diagnostics.trim() });
    this.#loseStreams();
  }

  #loseStreams(): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.lose();
  }

  /** Returns the error for pending requests when the pipe has ended. */
  #loss(): Error {
    const message = this.#diagnostics.trim() || `The pipe to the sandbox ended (${this.#bye ?? 'without a reason'})`;
    return this.#cause ?? new RipcordError('sandbox-lost', message);
  }
}

function cannotListen(errno: number): RipcordError {
  return new RipcordError('create-failed', `The agent cannot listen inside: ${errnoText(errno)} (${errnoName(errno)})`);
}
