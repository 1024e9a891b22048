/** A stand-in for a connection into a sandbox: it sends given bytes and keeps its end open. */
import { Duplex } from 'node:stream';

export class Inside extends Duplex {
  readonly #closed = new Promise((resolve) => this.once('close', resolve));
  #answer: string | undefined;

  /** @param answer Said as soon as anything is asked. */
  constructor(answer?: string) {
    super({ allowHalfOpen: true });
    this.#answer = answer;
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#answer !== undefined) this.push(this.#answer);
    this.#answer = undefined;
    done();
  }

  /** Resolves once it is closed, with an error or without; the caller must listen for errors. */
  gone(): Promise<unknown> {
    return this.#closed;
  }
}
