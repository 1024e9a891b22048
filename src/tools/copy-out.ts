/** Copies files of a sandbox into a directory of the host that the operator chose. */
import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { throwIfAborted } from '../base/abort.js';
import { FileError, InvalidOptionsError } from '../base/errors.js';
import { writeFully } from '../base/fd.js';
import { isOwnPath } from '../base/path-rules.js';
import { readSmallFile } from '../commit/history/small-file.js';
import { flagChanges } from '../commit/review/flags.js';
import type { FileInfo } from '../files/sandbox-files.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { HostDirectory, InTheWay } from '../transfer/host-directory.js';
import type { Change } from '../workspace/diff.js';

interface CopiedOut {
  /** Paths relative to the directory. */
  files: string[];
  bytes: number;
  /** Links, devices, files that programs of the host obey, and files whose place on the host is taken. */
  refused: { path: string; reason: string }[];
}

const MAX_ENTRIES = 10_000;
const MAX_BYTES = 256 * 1024 ** 2;
const MAX_MANIFEST_BYTES = 1024 ** 2;

/**
 * Writes nothing outside `directory` or through a link in it, and makes links that stay inside it. Refuses the files that
 * programs of the host obey unasked (commit/review/flags.ts) and makes no file executable: a model must not allow itself such files.
 */
export async function copyOut(
  sandbox: Sandbox,
  from: string,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<CopiedOut> {
  const root = posix.relative(sandbox.workspace, posix.resolve(sandbox.workspace, from));
  if (root.split('/')[0] === '..') throw new InvalidOptionsError(`download: ${from} is not in the workspace`);
  const target = await HostDirectory.open(directory, { checkNames: true });
  const copied: CopiedOut = { files: [], bytes: 0, refused: [] };
  const entries = await entriesOf(sandbox, root, signal);
  const reasons = await obeyed(sandbox, entries, target.root, signal);
  // Links come last, so that no file is written through one.
  const isLink = ({ kind }: FileInfo) => kind === 'link';
  for (const entry of [...entries.filter((one) => !isLink(one)), ...entries.filter(isLink)]) {
    const { path, kind, mode, mtimeMs, linkTarget } = entry;
    throwIfAborted(signal, `copying ${path}`);
    if (kind === 'directory') continue;
    try {
      if (isOwnPath(path)) throw new InTheWay("Ripcord's own name");
      const reason = reasons.get(path);
      if (reason !== undefined) throw new InTheWay(reason);
      if (kind === 'link') {
        await target.makeInnerLink(path, linkTarget ?? '');
        copied.files.push(path);
        continue;
      }
      if (kind !== 'file') throw new InTheWay('not a file, directory or link');
      const content = await sandbox.files.read(path, { maxBytes: MAX_BYTES - copied.bytes, signal });
      await target.makeParents(path);
      await target.writeFile(path, (mode & 0o644) | 0o600, (fd) => writeFully(fd, content), mtimeMs);
      copied.files.push(path);
      copied.bytes += content.length;
    } catch (error) {
      if (!(error instanceof InTheWay || error instanceof FileError)) throw error;
      copied.refused.push({ path, reason: error.message });
    }
  }
  return copied;
}

/** Returns, by path, the reason why programs of the host obey an entry. */
async function obeyed(
  sandbox: Sandbox,
  entries: readonly FileInfo[],
  root: string,
  signal: AbortSignal | undefined,
): Promise<Map<string, string>> {
  const changes = entries.map((after): Change => ({ path: after.path, change: 'added', kind: after.kind, after }));
  const flagged = await flagChanges(
    changes,
    async ({ path, after }, side) => {
      if (side === 'before') return readSmallFile(join(root, path), MAX_MANIFEST_BYTES).catch(() => undefined);
      if (after!.size > MAX_MANIFEST_BYTES) return undefined;
      return sandbox.files.readText(path, { maxBytes: MAX_MANIFEST_BYTES, signal }).catch(unlessUnreadable);
    },
    (directory) => readdir(join(root, directory)).catch(() => []),
  );
  return new Map(flagged.flatMap(({ path, rule, reason }) => (rule === 'executable' ? [] : [[path, reason]])));
}

/** Ignores a file that cannot be read: copying it reports the same error. */
function unlessUnreadable(error: unknown): undefined {
  if (!(error instanceof FileError)) throw error;
}

async function entriesOf(sandbox: Sandbox, root: string, signal: AbortSignal | undefined) {
  const itself = await sandbox.files.stat(root || '.', { follow: false, signal });
  if (itself.kind !== 'directory') return [{ ...itself, path: root }];
  const all = await sandbox.files.list(root || '.', {
    depth: Number.POSITIVE_INFINITY,
    maxEntries: MAX_ENTRIES,
    signal,
  });
  return all.map((entry) => ({ ...entry, path: posix.join(root, entry.path) }));
}
