/** `--out`: brings what changed in a workspace to the host. */
import { FileError } from '../../errors.js';
import type { Sandbox } from '../../sandbox.js';
import type { Change } from '../../workspace/diff.js';
import { writeFully } from '../../workspace/fd.js';
import { HostDirectory, InTheWay } from '../../workspace/host-directory.js';

export interface SavedChanges {
  files: string[];
  deleted: string[];
  /** Links, devices, and what the host has something in the way of. */
  refused: { path: string; reason: string }[];
}

const MAX_FILE_BYTES = 1024 ** 3;

/**
 * Copies every added or modified file below `directory`. What is deleted in the sandbox is listed and stays on the
 * host. Nothing is written through a link of the host, and no link is made.
 *
 * @param except The program itself, which was put there and is no result as long as it is unchanged.
 */
export async function saveChanges(
  sandbox: Sandbox,
  directory: string,
  options: { except?: { path: string; content: string | Uint8Array }; signal?: AbortSignal },
): Promise<SavedChanges> {
  const saved: SavedChanges = { files: [], deleted: [], refused: [] };
  const target = await HostDirectory.open(directory, { checkNames: true });
  for (const change of await sandbox.diff({ signal: options.signal })) {
    if (change.change === 'deleted') saved.deleted.push(change.path);
    else if (change.kind === 'directory')
      await attempt(saved, change.path, () => makeParents(target, `${change.path}/`));
    else if (change.kind !== 'file')
      saved.refused.push({ path: change.path, reason: `a ${change.kind} is not copied` });
    else await attempt(saved, change.path, () => saveFile(sandbox, target, change, saved, options));
  }
  return saved;
}

async function saveFile(
  sandbox: Sandbox,
  target: HostDirectory,
  change: Change,
  saved: SavedChanges,
  { except, signal }: Parameters<typeof saveChanges>[2],
): Promise<void> {
  const content = await sandbox.files.read(change.path, { maxBytes: MAX_FILE_BYTES, signal });
  if (except?.path === change.path && content.equals(Buffer.from(except.content))) return;
  await makeParents(target, change.path);
  const mode = ((change.after?.mode ?? 0o644) & 0o755) | 0o600;
  await target.writeFile(change.path, mode, (fd) => writeFully(fd, content));
  saved.files.push(change.path);
}

async function makeParents(target: HostDirectory, path: string): Promise<void> {
  for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
    await target.makeDirectory(path.slice(0, end), 0o755);
  }
}

/** What the host or the sandbox refuses of one path is reported; the others are still copied. */
async function attempt(saved: SavedChanges, path: string, effect: () => Promise<void>): Promise<void> {
  try {
    await effect();
  } catch (error) {
    if (!(error instanceof InTheWay || error instanceof FileError)) throw error;
    saved.refused.push({ path, reason: error.message });
  }
}
