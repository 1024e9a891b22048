/** Between a connection that a sandbox fills and Node's HTTP parser, which reads all it gets in one go. */
import { Duplex } from 'node:stream';
import { WorkMeter } from '../base/work-meter.js';

/**
 * Lines that all connections together hand on in a turn of the event loop. A line costs the parser most: two make a
 * chunk (about 1 µs), a request or an informational answer (up to 50 µs); the bytes between them are not looked at.
 */
export const LINES_PER_TURN = 512;
const LINE_FEED = 0x0a;

/**
 * Hands on what comes from a connection a few lines at a time, with turns of the event loop between. Bytes with few
 * lines pass as they come.
 */
export class PacedConnection extends Duplex {
  readonly #inner: Duplex;
  readonly #meter = new WorkMeter();
  /** The data that was read and waits for its turn. */
  #waiting: Buffer | undefined;
  #wanted = false;
  #passing = false;
  #isPaced = true;
  /** Whether the other side has ended: what waits is still handed on. */
  #ended = false;

  constructor(inner: Duplex) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    // The connection may break before its user listens for errors.
    this.on('error', () => {});
    // A socket whose end comes after that of its reading side has nothing left to say so.
    this.once('end', () => inner.destroyed && this.destroy());
    inner.on('error', (error) => this.#breakOff(error));
    inner.on('readable', () => this.#pass());
    inner.on('end', () => {
      this.#ended = true;
      this.#pass();
    });
    inner.on('close', () => {
      if (!this.#ended || this.readableEnded) this.#breakOff(inner.errored);
    });
    if (inner.destroyed) this.destroy();
  }

  /** After this call no parser reads the connection. */
  unpace(): this {
    this.#isPaced = false;
    return this;
  }

  override _read(): void {
    this.#wanted = true;
    this.#pass();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#inner.write(chunk, afterEnd(done));
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#inner.cork();
    chunks.forEach(({ chunk }, at) => {
      if (at < chunks.length - 1) this.#inner.write(chunk);
      else this.#inner.write(chunk, afterEnd(done));
    });
    this.#inner.uncork();
  }

  override _final(done: () => void): void {
    this.#inner.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#waiting = undefined;
    this.#inner.destroy(error ?? undefined);
    done(error);
  }

  #breakOff(error: Error | null): void {
    setImmediate(() => this.destroy(error ?? undefined));
  }

  #pass(): void {
    if (!this.#passing) void this.#passAll();
  }

  async #passAll(): Promise<void> {
    this.#passing = true;
    while (this.#wanted && !this.destroyed) {
      const bytes: Buffer | null = this.#waiting ?? this.#inner.read();
      if (bytes === null) {
        if (this.#ended) this.push(null);
        break;
      }
      this.#waiting = bytes;
      const { end, lines } = this.#isPaced ? fewLines(bytes) : { end: bytes.length, lines: 0 };
      if (!mayPass(lines)) await this.#meter.rest();
      if (this.destroyed) return;
      this.#waiting = end < bytes.length ? bytes.subarray(end) : undefined;
      this.#wanted = this.push(bytes.subarray(0, end));
    }
    this.#passing = false;
  }
}

/** A server that hangs up ends what it says and breaks what it is told: the end, which comes first, is told first. */
function afterEnd(done: (error?: Error | null) => void): (error?: Error | null) => void {
  return (error) => {
    if (error) setImmediate(done, inWordsOfSockets(error));
    else done();
  };
}

/** Returns the end of the lines in `bytes` that one turn may have. */
function fewLines(bytes: Buffer): { end: number; lines: number } {
  let end = 0;
  for (let lines = 0; lines < LINES_PER_TURN; lines++) {
    const at = bytes.indexOf(LINE_FEED, end);
    if (at < 0) return { end: bytes.length, lines };
    end = at + 1;
  }
  return { end, lines: LINES_PER_TURN };
}

let passed = 0;

/** Counts lines that pass in this turn. False: they must wait for one of their own. */
function mayPass(lines: number): boolean {
  if (lines === 0) return true;
  if (passed + lines > LINES_PER_TURN) return false;
  if (passed === 0) {
    setImmediate(() => {
      passed = 0;
    });
  }
  passed += lines;
  return true;
}

/** The connection is a command's input to the library, which says so. */
function inWordsOfSockets(error: Error & { code?: string }): Error {
  if (error.code !== 'EPIPE') return error;
  return Object.assign(new Error('The server has closed the connection', { cause: error }), { code: error.code });
}

/** Ends the pacing of a connection that has it. */
export const unpace = (connection: Duplex): void => {
  if (connection instanceof PacedConnection) connection.unpace();
};
