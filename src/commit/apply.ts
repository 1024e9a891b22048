/**
 * Applies a plan. If the process is killed at any instant, the next recovery makes the target wholly old or wholly new:
 *
 *  1. Lock the target, recover an interrupted commit, examine everything again.
 *  2. Stage: write every new file to `.ripcord/commit-<id>/new` (same file system), check its hash, fsync.
 *  3. Write the sealed intent. From here on a crash is rolled back.
 *  4. Perform: renames only. The old entry moves to `old/<n>`, the new one comes from `new/<n>`. Readers see the old
 *     file or the new one, except where a directory and a file change places.
 *  5. Check that every directory written to is still in its place; fsync them.
 *  6. Rename the work directory to `committed-<id>`. This is the one moment at which the target becomes new. From here
 *     on a crash only leaves files to remove.
 *  7. Add the commit to the history, outside the target. Remove the work directory and `.ripcord`.
 *
 * An error or an abort before step 6 is rolled back at once, in the same way as after a crash. After step 6 it has no
 * effect.
 *
 * Requirements: `rename` is atomic, and the file system keeps the order of renames across a power cut (ext4, xfs,
 * btrfs, APFS and ZFS do). One race remains against programs that write to the target at the same time: a few
 * microseconds between the last check of a name and its rename. POSIX has no call that closes it.
 */
import { mkdir, rmdir } from 'node:fs/promises';
import { throwIfAborted } from '../base/abort.js';
import { printable } from '../base/harmless-text.js';
import { hostFileError } from '../base/host-error.js';
import { makeDirectories } from '../base/make-directories.js';
import { parseOptions } from '../base/parse-options.js';
import { isWithin } from '../base/relative-paths.js';
import type { ChangeCounts } from '../workspace/diff.js';
import { countChanges } from '../workspace/diff.js';
import type { Refused } from '../workspace/refused.js';
import { AnchoredTree, type DirectoryHandle } from './anchored-tree.js';
import type { CommitChange } from './commit-change.js';
import { endWork, removeWork, workDirectory } from './commit-directory.js';
import { CommitConflictError, CommitError, CommitFlaggedError, CommitRefusedError } from './errors.js';
import type { Examination } from './examine.js';
import { examine } from './examine.js';
import { syncDirectories } from './fsync.js';
import { keepHistory } from './history/history.js';
import type { JournalEntry } from './journal.js';
import { writeIntent } from './journal.js';
import type { ApplyCommitOptions } from './options.js';
import { applySchema } from './options.js';
import { withOwnDirectory } from './own-directory.js';
import { Performer } from './perform.js';
import type { CommitPlan } from './plan.js';
import { withoutRefused } from './plan.js';
import { openTree, recoverLocked, rollBack } from './recover.js';
import { sortFlags } from './review/allowed-flags.js';
import type { Flagged } from './review/flags.js';
import type { Refusal } from './review/refusals.js';
import { stageSteps } from './stage.js';
import type { Step } from './steps.js';

/** The result of {@link applyCommit}. */
export interface CommitReceipt {
  /** Identifier of the commit, as {@link readCommits} lists it. */
  id: string;
  target: string;
  /** Changes that were written. */
  changes: readonly CommitChange[];
  counts: ChangeCounts;
  /** Total size of the files written, in bytes. */
  bytes: number;
  /** Changes that the target already had. */
  alreadyThere: string[];
  /** Directories that the sandbox deleted, but that stay because they hold entries the sandbox never had. */
  kept: string[];
  /** Flagged files that the caller allowed. */
  allowed: Flagged[];
  /** Files and links that were skipped because of `onRefused: 'report'` and `onFlagged: 'report'`. */
  refused: readonly Refused[];
  /**
   * The reason why {@link readCommits} does not list this commit, for example a state directory without write
   * permission. The commit is made all the same. Undefined if the history has it.
   */
  historyProblem?: string | undefined;
  durationMs: number;
}

/**
 * Makes the changes of a plan, all of them or none.
 *
 * @throws CommitConflictError, CommitFlaggedError, CommitRefusedError, and CommitError `commit-busy` or
 * `workspace-changed`: nothing was written. TaskAbortedError, FileError: written changes were rolled back. CommitError
 * `commit-blocked`: they could not be rolled back yet; {@link recoverCommit} continues.
 */
export async function applyCommit(plan: CommitPlan, options?: ApplyCommitOptions): Promise<CommitReceipt> {
  const parsed = parseOptions(applySchema, options, 'applyCommit');
  const { signal, lockTimeoutMs } = parsed;
  const started = performance.now();
  const { allowed, leftOut } = await checkPlan(plan, parsed);
  throwIfAborted(signal, `committing to ${printable(plan.target)}`);
  if (plan.changes.length === 0)
    return receiptOf(plan, [], { alreadyThere: [], kept: [], allowed, refused: [] }, started);

  const target = await openOrMake(plan.target);
  let done = false;
  try {
    const receipt = await withOwnDirectory(target.tree, { timeoutMs: lockTimeoutMs, signal }, async (own) => {
      await recoverLocked(target.tree, own);
      const { examination, refused } = await examineAgain(target.tree, plan, leftOut, parsed);
      const { kept, historyProblem } = await new Application(target.tree, own, plan, examination.steps, signal).run();
      const missed = new Set([...examination.alreadyThere, ...kept, ...examination.kept]);
      const made = (await withoutRefused(plan.changes, refused)).filter(({ path }) => !missed.has(path));
      const shown = [...plan.refused, ...leftOut.map(({ path, reason }) => ({ path: printable(path), reason }))];
      return receiptOf(
        plan,
        made,
        {
          alreadyThere: examination.alreadyThere,
          kept: [...new Set([...examination.kept, ...kept])].sort(),
          allowed,
          refused: shown,
          ...(historyProblem === undefined ? {} : { historyProblem }),
        },
        started,
      );
    });
    done = true;
    return receipt;
  } finally {
    await target.tree.close();
    // rmdir removes the directory only if it is still empty.
    if (target.made !== undefined && !done) await rmdir(plan.target).catch(() => {});
  }
}

type Parsed = ReturnType<typeof applySchema.parse>;

/**
 * Checks the plan without reading the target.
 * @returns the flagged files that are allowed, and with `onFlagged: 'report'` the others
 */
async function checkPlan(
  plan: CommitPlan,
  { allow, allowRules, onRefused, onFlagged }: Parsed,
): Promise<{ allowed: Flagged[]; leftOut: Flagged[] }> {
  if (plan.refused.length > 0 && onRefused === 'throw') throw new CommitRefusedError(plan.refused);
  if (plan.conflicts.length > 0) throw new CommitConflictError(plan.conflicts);
  const { allowed, others } = await sortFlags(plan.flagged, { allow, allowRules });
  if (others.length > 0 && onFlagged === 'throw') throw new CommitFlaggedError(others);
  // Keep a flagged directory if an allowed file lies in it.
  const leftOut = others.filter(({ path }) => !allowed.some((file) => isWithin(file.path, path)));
  return { allowed, leftOut };
}

async function openOrMake(path: string): Promise<{ tree: AnchoredTree; made: string | undefined }> {
  const tree = await openTree(path);
  if (tree !== undefined) return { tree, made: undefined };
  try {
    const made = await makeDirectories(path);
    return { tree: await AnchoredTree.open(path), made };
  } catch (error) {
    throw hostFileError(error, 'create', path);
  }
}

/** Examines the target again, because the plan may be minutes old. */
async function examineAgain(
  tree: AnchoredTree,
  plan: CommitPlan,
  leftOut: readonly Flagged[],
  { onRefused, signal }: Parsed,
): Promise<{ examination: Examination; refused: Refusal[] }> {
  let refused: Refusal[] = [...plan.refusals, ...leftOut];
  for (;;) {
    const examination = await examine(tree, await withoutRefused(plan.changes, refused), plan.own, signal);
    if (examination.refused.length > 0) {
      const shown = examination.refused.map(({ path, reason }) => ({ path: printable(path), reason }));
      if (onRefused === 'throw') throw new CommitRefusedError(shown);
      // Refusing these can change other decisions, for example whether a directory stays. Examine again.
      refused = [...refused, ...examination.refused];
      continue;
    }
    if (examination.conflicts.length > 0) throw new CommitConflictError(examination.conflicts);
    return { examination, refused };
  }
}

interface Applied {
  /** Directories that were not empty and therefore stay. */
  kept: string[];
  historyProblem: string | undefined;
}

class Application {
  private readonly directory: string;
  /** True if the rollback failed. The commit's directory then holds the files needed to undo it. */
  private isBlocked = false;

  constructor(
    private readonly tree: AnchoredTree,
    private readonly own: DirectoryHandle,
    private readonly plan: CommitPlan,
    private readonly steps: readonly Step[],
    private readonly signal: AbortSignal | undefined,
  ) {
    this.directory = workDirectory(plan.id);
  }

  async run(): Promise<Applied> {
    if (this.steps.length === 0) return { kept: [], historyProblem: undefined };
    const { id, changes } = this.plan;
    const started = { id, changes: changes.length, startedAt: new Date().toISOString() };
    try {
      return await this.inWork(async (fresh, old) => {
        await this.prepare(fresh, started);
        return await this.perform(fresh, old, { ...started, state: 'applying' });
      });
    } finally {
      await this.tidyUp();
    }
  }

  private async inWork<T>(work: (fresh: DirectoryHandle, old: DirectoryHandle) => Promise<T>): Promise<T> {
    for (const directory of [this.directory, `${this.directory}/new`, `${this.directory}/old`]) {
      const parent = directory.slice(0, directory.lastIndexOf('/'));
      await this.tree.inside(parent, (handle) => mkdir(handle.at(directory.slice(parent.length + 1)), { mode: 0o700 }));
    }
    return this.tree.inside(`${this.directory}/new`, (fresh) =>
      this.tree.inside(`${this.directory}/old`, (old) => work(fresh, old)),
    );
  }

  private async prepare(fresh: DirectoryHandle, started: Omit<JournalEntry, 'state'>): Promise<void> {
    const steps = await stageSteps(this.tree, fresh, this.plan.sources.result, this.steps, this.signal);
    throwIfAborted(this.signal, 'writing the journal');
    await this.tree.inside(this.directory, (work) => writeIntent(work, { ...started, steps }));
  }

  private async perform(fresh: DirectoryHandle, old: DirectoryHandle, entry: JournalEntry): Promise<Applied> {
    const performance = new Performer(this.tree, fresh, old, this.signal);
    try {
      await performance.run(this.steps);
      await performance.verify();
      await syncDirectories(this.tree, new Set(performance.touched.keys()));
      throwIfAborted(this.signal, 'completing the commit');
      await endWork(this.tree, this.own, entry.id, 'committed');
    } catch (error) {
      await this.rollBack(entry, error);
      throw error;
    }
    const finished: JournalEntry = { ...entry, state: 'committed', endedAt: new Date().toISOString() };
    return { kept: performance.kept, historyProblem: await keepHistory(this.tree.root, [finished]) };
  }

  private async rollBack(entry: JournalEntry, cause: unknown): Promise<void> {
    try {
      await rollBack(this.tree, this.own, entry);
    } catch (error) {
      this.isBlocked = true;
      if (error instanceof CommitError) throw error;
      throw new CommitError('commit-blocked', 'The commit failed, and could not be undone yet', {
        hint: 'Free disk space and check permissions, then run recoverCommit (ripcord apply --recover). Nothing is lost.',
        cause: new AggregateError([cause, error]),
      });
    }
  }

  /** Removes the work directory. If that fails, the next commit removes it by its name. */
  private async tidyUp(): Promise<void> {
    await removeWork(this.tree, this.own, this.isBlocked ? this.plan.id : undefined).catch(() => {});
  }
}

function receiptOf(
  plan: CommitPlan,
  changes: readonly CommitChange[],
  rest: Pick<CommitReceipt, 'alreadyThere' | 'kept' | 'allowed' | 'refused' | 'historyProblem'>,
  started: number,
): CommitReceipt {
  const bytes = changes.reduce(
    (sum, { change, after }) => sum + (change === 'mode-changed' ? 0 : (after?.size ?? 0)),
    0,
  );
  const durationMs = Math.round(performance.now() - started);
  return { id: plan.id, target: plan.target, changes, counts: countChanges(changes), bytes, ...rest, durationMs };
}
