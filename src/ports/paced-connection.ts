/** Limits how fast a sandbox's data reaches Node's HTTP parser, which processes all available bytes in one turn. */
import { Duplex } from 'node:stream';
import { WorkMeter } from '../base/work-meter.js';

/**
 * Maximum number of lines that all connections together pass on in one turn of the event loop. A line is the most
 * expensive unit for the parser: two make a chunk (about 1 µs), a request or an informational response (up to 50 µs).
 * The bytes between them are not inspected.
 */
export const LINES_PER_TURN = 512;
const LINE_FEED = 0x0a;

/**
 * Passes data of a connection on, a few lines at a time, with turns of the event loop between. Bytes with few lines
 * pass as they arrive.
 */
export class PacedConnection extends Duplex {
  readonly #inner: Duplex;
  readonly #meter = new WorkMeter();
  /** Data that was read and waits for its turn. */
  #waiting: Buffer | undefined;
  #wanted = false;
  #passing = false;
  #isPaced = true;
  /** True if the other side has ended. Waiting data is still passed on. */
  #ended = false;

  constructor(inner: Duplex) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    // The connection may break before the caller adds an 'error' listener.
    this.on('error', () => {});
    // If the socket has already closed when the reading side ends, no further event arrives.
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

  /** Turns pacing off: from now on no HTTP parser reads the connection. */
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

/**
 * Delays write errors by a turn. A server that closes the connection ends its output and fails our writes; the end of
 * its output comes first and must be seen first.
 */
function afterEnd(done: (error?: Error | null) => void): (error?: Error | null) => void {
  return (error) => {
    if (error) setImmediate(done, socketError(error));
    else done();
  };
}

/** Returns the end of the lines in `bytes` that one turn may pass on. */
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

/** Counts lines that pass in this turn. Returns false if they must wait for another turn. */
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

/** Renames the error: for the library the connection is a command's stdin, and its message would mention one. */
function socketError(error: Error & { code?: string }): Error {
  if (error.code !== 'EPIPE') return error;
  return Object.assign(new Error('The server has closed the connection', { cause: error }), { code: error.code });
}

/** Ends the pacing of a connection that has it. */
export const unpace = (connection: Duplex): void => {
  if (connection instanceof PacedConnection) connection.unpace();
};
