import path from 'node:path';
import { RipcordError } from '../base/errors.js';
import { close, OPEN_READ, open, readFully } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { hostFileError } from '../base/host-error.js';
import type { Manifest } from '../workspace/manifest.js';

/** Files up to this size are read completely, and ahead of their turn. */
export const SMALL_FILE_BYTES = 256 * 1024;
const PART_BYTES = 256 * 1024;
const MAX_AHEAD = 32;
const MAX_AHEAD_BYTES = 4 * 1024 * 1024;

/** Returns the small files of a manifest in its order while the next ones are being read. */
export class ReadAhead {
  private readonly files: Iterator<[string, number]>;
  private readonly queue: Array<{ size: number; data: Promise<Buffer> }> = [];
  private bytes = 0;

  constructor(
    private readonly directory: string,
    manifest: Manifest,
  ) {
    this.files = smallFiles(manifest);
  }

  async next(): Promise<Buffer> {
    this.fill();
    const { size, data } = this.queue.shift()!;
    this.bytes -= size;
    return await data;
  }

  /** Waits until all pending reads have ended. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.queue.map(({ data }) => data));
  }

  private fill(): void {
    while (this.queue.length < MAX_AHEAD && (this.bytes < MAX_AHEAD_BYTES || this.queue.length === 0)) {
      const next = this.files.next();
      if (next.done) return;
      const [relative, size] = next.value;
      const data = readWhole(path.join(this.directory, relative), relative, size);
      // `next` passes the error on. Until then it must not count as an unhandled rejection.
      data.catch(() => {});
      this.queue.push({ size, data });
      this.bytes += size;
    }
  }
}

function* smallFiles(manifest: Manifest): Generator<[string, number]> {
  for (const [relative, entry] of manifest) {
    if (entry.kind === 'file' && entry.size <= SMALL_FILE_BYTES) yield [relative, entry.size];
  }
}

async function readWhole(file: string, relative: string, size: number): Promise<Buffer> {
  try {
    const fd = await open(file, OPEN_READ);
    try {
      // The extra byte detects a file that grew.
      const buffer = Buffer.allocUnsafe(size + 1);
      if ((await readFully(fd, buffer, size)) !== size) throw changed(relative);
      return buffer.subarray(0, size);
    } finally {
      await close(fd);
    }
  } catch (error) {
    throw hostFileError(error, 'read', relative);
  }
}

/** Yields the content of a large file, exactly `size` bytes. */
export async function* readParts(file: string, relative: string, size: number): AsyncGenerator<Buffer> {
  try {
    const fd = await open(file, OPEN_READ);
    try {
      for (let left = size; left > 0; left -= PART_BYTES) {
        const part = Buffer.allocUnsafe(Math.min(left, PART_BYTES));
        if ((await readFully(fd, part)) < part.byteLength) throw changed(relative);
        yield part;
      }
    } finally {
      await close(fd);
    }
  } catch (error) {
    throw hostFileError(error, 'read', relative);
  }
}

function changed(relative: string): RipcordError {
  return new RipcordError('seed-invalid', `${printable(relative)} changed while it was being packed`, {
    details: { path: relative },
  });
}
