/** Writes the new files of a commit to the target's file system before the target itself is changed. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { throwIfAborted } from '../base/abort.js';
import { forEachLimited } from '../base/concurrency.js';
import { close, OPEN_READ, open, readFully, writeFully } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf } from '../base/host-error.js';
import type { AnchoredTree, DirectoryHandle } from './anchored-tree.js';
import { CommitError, commitFileError } from './errors.js';
import { fchmod, fchown, lchown, lstat, mkdir, symlink } from './fs.js';
import { syncFiles } from './fsync.js';
import { newMode } from './permissions.js';
import type { Step, StoredStep } from './steps.js';
import { storeIdentity } from './steps.js';

/** Returns true for steps that need a staged entry. */
const isStaged = ({ step }: { step: Step['step'] }): boolean =>
  step === 'place' || step === 'replace' || step === 'make-directory';

/**
 * Writes `new/<n>` for every step that needs it, from the files in `source`.
 * @returns the steps as the journal stores them
 * @throws CommitError `workspace-changed` if a file in `source` is not the one that was planned with
 */
export async function stageSteps(
  tree: AnchoredTree,
  fresh: DirectoryHandle,
  source: string,
  steps: readonly Step[],
  signal: AbortSignal | undefined,
): Promise<StoredStep[]> {
  const stored: StoredStep[] = [];
  const files: string[] = [];
  await forEachLimited(steps, undefined, async (step) => {
    throwIfAborted(signal, `writing ${step.path}`);
    const { n, path, after } = step;
    const record: StoredStep = { n, step: step.step, path };
    stored.push(record);
    if (step.step === 'set-mode') record.oldMode = step.found!.mode;
    if (!isStaged(step)) return;
    const to = fresh.at(String(n));
    try {
      await stageEntry(step, to, source, signal);
      if (after!.kind === 'file') files.push(to);
      record.written = { kind: after!.kind, identity: storeIdentity(await lstat(to)) };
      if (after!.sha256 !== undefined) record.written.sha256 = after!.sha256;
      if (after!.linkTarget !== undefined) record.written.linkTarget = after!.linkTarget;
    } catch (error) {
      throw commitFileError(error, 'stage', path);
    }
  });
  await syncFiles(tree, files);
  await fresh.sync();
  return stored.sort((a, b) => a.n - b.n);
}

async function stageEntry(step: Step, to: string, source: string, signal: AbortSignal | undefined): Promise<void> {
  const { path, after, owner } = step;
  switch (after!.kind) {
    case 'file':
      return copyFile(step, join(source, path), to, signal);
    case 'directory':
      await mkdir(to, { mode: newMode(after!) });
      break;
    case 'link':
      await symlink(after!.linkTarget ?? '', to);
      break;
    default:
      throw new CommitError('commit-plan-invalid', `${printable(path)} is not a file, directory or link`);
  }
  if (owner !== undefined) await ignoreEperm(lchown(to, owner.uid, owner.gid));
}

const CHUNK_BYTES = 128 * 1024;

async function copyFile(step: Step, from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  const { path, after, mode, owner } = step;
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, after!.size + 1));
  const input = await openSource(from, path);
  try {
    const output = await open(to, 'wx', mode === undefined ? newMode(after!) : 0o600);
    try {
      for (let size = 0; ; ) {
        throwIfAborted(signal, `writing ${path}`);
        const count = await readFully(input, buffer);
        size += count;
        // A file that keeps growing is not the planned one either.
        if (size > after!.size) throw changed(path);
        hash.update(buffer.subarray(0, count));
        await writeFully(output, buffer.subarray(0, count));
        if (count < buffer.byteLength) break;
      }
      if (hash.digest('hex') !== after!.sha256) throw changed(path);
      // Set the owner first: chown(2) clears the setuid and setgid bits.
      if (owner !== undefined) await ignoreEperm(fchown(output, owner.uid, owner.gid));
      if (mode !== undefined) await fchmod(output, mode);
    } finally {
      await close(output);
    }
  } finally {
    await close(input);
  }
}

async function openSource(from: string, path: string): Promise<number> {
  try {
    return await open(from, OPEN_READ);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENOTDIR', 'EISDIR'].includes(errnoOf(error) ?? '')) throw changed(path, error);
    throw error;
  }
}

/** Ignores EPERM: only root can change a file's owner. Without root, new files belong to this process. */
async function ignoreEperm(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}

export function changed(path: string, cause?: unknown): CommitError {
  return new CommitError('workspace-changed', `${printable(path)} changed after the commit was planned`, {
    hint: 'Stop the commands that still run in the sandbox, then plan again.',
    details: { path },
    cause,
  });
}
