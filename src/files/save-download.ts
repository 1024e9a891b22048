/** Puts one downloaded file on the host: whole, or not at all. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { throwIfAborted } from '../lifecycle/abort.js';
import type { Extracted } from '../workspace/extract.js';

export async function saveDownload(content: Buffer, to: string, signal: AbortSignal | undefined): Promise<Extracted> {
  throwIfAborted(signal, `writing ${to}`);
  await mkdir(dirname(to), { recursive: true });
  const partial = join(dirname(to), `.ripcord-${process.pid}-${Date.now()}.partial`);
  try {
    await writeFile(partial, content, { flag: 'wx', mode: 0o644 });
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return { files: 1, directories: 0, links: 0, bytes: content.length, refused: [], refusedCount: 0 };
}
