/** Checks what callers give besides options: text, bytes, and pieces of both. */
import { InvalidOptionsError } from './errors.js';

/** Text, taken as UTF-8, or bytes, as what Node's `fs.writeFile` takes. */
export type Chunk = string | ArrayBuffer | ArrayBufferView;

/**
 * The bytes of `content`, or the iterable that gives them in pieces.
 * @throws InvalidOptionsError for anything else, which `what` names.
 */
export function contentOf(content: unknown, what: string): Uint8Array | Iterable<unknown> | AsyncIterable<unknown> {
  const bytes = bytesOf(content);
  if (bytes) return bytes;
  if (content instanceof Blob) return content.stream();
  if (
    typeof content === 'object' &&
    content !== null &&
    (Symbol.asyncIterator in content || Symbol.iterator in content)
  )
    return content as AsyncIterable<unknown>;
  throw new InvalidOptionsError(
    `${what}: expected a string, bytes or an iterable of them, received ${kindOf(content)}`,
  );
}

/**
 * The bytes of one piece of an iterable.
 * @throws InvalidOptionsError where it is neither text nor bytes. Otherwise the file would lack this piece without an error.
 */
export function chunkOf(chunk: unknown, what: string): Uint8Array {
  const bytes = bytesOf(chunk);
  if (bytes) return bytes;
  throw new InvalidOptionsError(`${what}: expected strings or bytes from the iterable, received ${kindOf(chunk)}`);
}

/** @throws InvalidOptionsError where `value` is not a string: plain JavaScript has no types. */
export function checkText(value: unknown, what: string): asserts value is string {
  if (typeof value !== 'string') throw new InvalidOptionsError(`${what}: expected a string, received ${kindOf(value)}`);
}

/** @throws InvalidOptionsError where `path` is none that a sandbox can be asked for. */
export function checkPath(path: unknown): asserts path is string {
  checkText(path, 'path');
  if (path.includes('\0')) throw new InvalidOptionsError(`a path must not contain a NUL byte: ${JSON.stringify(path)}`);
}

/** Names the kind of `value` in the words that options use. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return `number (got ${value})`;
  if (typeof value !== 'object') return typeof value;
  return value.constructor?.name || 'object';
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}
