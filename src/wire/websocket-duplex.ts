/** A TCP connection inside a WebSocket: binary messages are its bytes, `{"type":"end"}` ends one direction. */
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

const END = '{"type":"end"}';
/** Longest message that the other side accepts. */
const MAX_MESSAGE = 256 * 1024;

export class WebSocketDuplex extends Duplex {
  readonly #socket: WebSocket;

  /** Takes the socket over; text messages that are not its own must have been read before. */
  constructor(socket: WebSocket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (!binary) {
        if (data.toString() === END) this.push(null);
        return;
      }
      if (!this.push(data)) socket.pause();
    });
    socket.once('close', (code: number) => {
      if (!this.readableEnded && code === 1000) this.push(null);
      else if (!this.readableEnded || !this.writableFinished) this.destroy(new Error('the tunnel was closed'));
    });
    socket.on('error', (error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (chunk.length <= MAX_MESSAGE) return this.#socket.send(chunk, done);
    this.#socket.send(chunk.subarray(0, MAX_MESSAGE), (error) => {
      if (error) done(error);
      else this._write(chunk.subarray(MAX_MESSAGE), _encoding, done);
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.send(END, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (error) this.#socket.terminate();
    else this.#socket.close();
    done(error);
  }
}
