import { RipcordError } from '../base/errors.js';

/**
 * Reads exact amounts from a stream of chunks. Every wait ends when `signal` fires, whatever the source does. If the
 * source ends too early, the error is `archive-invalid`.
 */
export class ByteReader {
  private chunk: Buffer = Buffer.alloc(0);
  private readonly source: AsyncIterator<Uint8Array>;
  private rejectWait: ((reason: unknown) => void) | undefined;

  constructor(
    private readonly input: AsyncIterable<Uint8Array>,
    private readonly signal?: AbortSignal,
  ) {
    this.source = input[Symbol.asyncIterator]();
    signal?.addEventListener('abort', this.onAbort);
  }

  /**
   * Reads exactly `length` bytes. Returns undefined at the end of the source. The result may share memory with the
   * source.
   */
  async read(length: number): Promise<Buffer | undefined> {
    if (this.chunk.byteLength >= length) return this.take(length);
    if (this.chunk.byteLength === 0) {
      if (!(await this.pull())) return undefined;
      if (this.chunk.byteLength >= length) return this.take(length);
    }
    const whole = Buffer.allocUnsafe(length);
    let filled = 0;
    for await (const part of this.parts(length)) filled += part.copy(whole, filled);
    return whole;
  }

  /** Yields the next `length` bytes in parts. */
  async *parts(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (this.chunk.byteLength === 0 && !(await this.pull())) {
        throw new RipcordError('archive-invalid', `The archive is truncated: ${left} more bytes were announced`);
      }
      const part = this.take(Math.min(left, this.chunk.byteLength));
      left -= part.byteLength;
      yield part;
    }
  }

  /** Returns the next bytes, however many. Undefined at the end of the source. */
  async readAny(): Promise<Buffer | undefined> {
    if (this.chunk.byteLength === 0 && !(await this.pull())) return undefined;
    return this.take(this.chunk.byteLength);
  }

  async skip(length: number): Promise<void> {
    if (length > 0) for await (const _part of this.parts(length));
  }

  /** Stops reading. The source is destroyed instead of returned, because `return()` would wait for its pending read. */
  close(): void {
    this.signal?.removeEventListener('abort', this.onAbort);
    if ('destroy' in this.input && typeof this.input.destroy === 'function') this.input.destroy();
    else void Promise.resolve(this.source.return?.()).catch(() => {});
  }

  private take(length: number): Buffer {
    const taken = this.chunk.subarray(0, length);
    this.chunk = this.chunk.subarray(length);
    return taken;
  }

  /** Fills `chunk`. Returns false at the end of the source. */
  private async pull(): Promise<boolean> {
    for (;;) {
      this.signal?.throwIfAborted();
      const next = await this.nextOrAbort();
      if (next.done) return false;
      const { value } = next;
      if (value.byteLength === 0) continue;
      this.chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return true;
    }
  }

  private nextOrAbort(): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      this.rejectWait = reject;
      this.source.next().then(resolve, reject);
    });
  }

  private readonly onAbort = () => this.rejectWait?.(this.signal?.reason);
}
