/** Checks arguments other than options: text, bytes, and iterables of them. */
import { InvalidOptionsError } from './errors.js';

/** Text, encoded as UTF-8, or bytes. Node's `fs.writeFile` accepts the same types. */
export type Chunk = string | ArrayBuffer | ArrayBufferView;

/**
 * Returns the bytes of `content`, or the iterable that yields them in parts.
 * @throws InvalidOptionsError for anything else; `what` names the argument
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
 * Returns the bytes of one chunk of an iterable.
 * @throws InvalidOptionsError if it is neither text nor bytes. Otherwise the chunk would be missing without an error.
 */
export function chunkOf(chunk: unknown, what: string): Uint8Array {
  const bytes = bytesOf(chunk);
  if (bytes) return bytes;
  throw new InvalidOptionsError(`${what}: expected strings or bytes from the iterable, received ${kindOf(chunk)}`);
}

/**
 * Checks that `value` is a string, because plain JavaScript has no types.
 * @throws InvalidOptionsError if it is not
 */
export function checkText(value: unknown, what: string): asserts value is string {
  if (typeof value !== 'string') throw new InvalidOptionsError(`${what}: expected a string, received ${kindOf(value)}`);
}

/**
 * Checks that `path` can be used in a sandbox.
 * @throws InvalidOptionsError if it cannot
 */
export function checkPath(path: unknown): asserts path is string {
  checkText(path, 'path');
  if (path.includes('\0')) throw new InvalidOptionsError(`a path must not contain a NUL byte: ${JSON.stringify(path)}`);
}

/** Returns the kind of `value`, in the wording of option errors. */
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
