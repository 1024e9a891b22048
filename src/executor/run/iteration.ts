/** One iteration of the loop: strategies, branches, decision, commit, memory. */
import { messageOf } from '../../base/errors.js';
import { Semaphore } from '../../base/semaphore.js';
import type { SandboxReceipt } from '../../cleanup/receipt.js';
import { diffManifests } from '../../workspace/diff.js';
import { commitStep } from '../commit/commit-step.js';
import type { CommitReport } from '../commit/commit-types.js';
import type { Phase } from '../events.js';
import { checkResult, ResultError, recordError } from '../executor-error.js';
import { decisionSchema, strategiesSchema } from '../result-schemas.js';
import { Scope } from '../steps/scope.js';
import { runOwnStep, runStep } from '../steps/step.js';
import type { BranchReport, Decision, IterationReport, VerificationLike } from '../types.js';
import { Branch, type BranchOutcome } from './branch.js';
import { bestOf, defaultDecision, defaultMemory, defaultStrategies } from './defaults.js';
import type { RunContext } from './run-context.js';

/** The end of an iteration, with all its sandboxes closed. */
export interface IterationOutcome<S, P, V> {
  /** The accepted branch. Undefined if there is none, or if its commit was rejected. */
  winner: BranchReport<S, P, V> | undefined;
  /** Commit of the winner. */
  commit: CommitReport | undefined;
  /** Feedback for the next iteration. */
  feedback: string | undefined;
  /** Directory of the kept base, for a resume. */
  base: string | undefined;
  /** Receipts of its branches' sandboxes. */
  receipts: readonly SandboxReceipt[];
  /** The error that aborted the iteration, and with it the run. */
  abort: { error: unknown } | undefined;
}

export class Iteration<T, S, P, V extends VerificationLike> {
  readonly report: IterationReport<S, P, V>;
  readonly #run: RunContext<T, S, P, V>;
  readonly #scope: Scope;
  readonly #startedAt = performance.now();
  readonly #outcome: IterationOutcome<S, P, V>;
  #branches: BranchOutcome<S, P, V>[] = [];
  #phase: Phase = 'strategize';

  /** @param feedback Feedback of the previous iteration. */
  constructor(run: RunContext<T, S, P, V>, parent: Scope, iteration: number, feedback: string | undefined) {
    this.#run = run;
    this.#outcome = {
      winner: undefined,
      commit: undefined,
      feedback,
      base: undefined,
      receipts: [],
      abort: undefined,
    };
    this.#scope = new Scope(`iteration ${iteration}`, parent.signal);
    this.report = {
      iteration,
      strategies: [],
      branches: [],
      decision: undefined,
      commit: undefined,
      conflicts: [],
      errors: [],
      complete: false,
      durationMs: 0,
    };
  }

  /**
   * Runs the iteration to its end. Never rejects: an abort is in the outcome. Any other error is recorded and becomes the
   * feedback for the next iteration.
   */
  async work(): Promise<IterationOutcome<S, P, V>> {
    const { iteration } = this.report;
    this.#run.emit({ type: 'iteration.started', iteration });
    try {
      await this.#rounds();
      this.report.complete = true;
    } catch (error) {
      const isAbort = this.#run.isAbort(error);
      // An abort after the commit does not undo it: the iteration counts as complete.
      const { winner } = this.#outcome;
      this.report.complete = !isAbort || winner !== undefined;
      if (!this.report.complete) this.#outcome.abort = { error };
      else if (!winner) this.#recorded(error);
    } finally {
      this.#scope.close();
      await this.#removeSnapshots();
      this.report.durationMs = performance.now() - this.#startedAt;
    }
    return this.#outcome;
  }

  async #rounds(): Promise<void> {
    const run = this.#run;
    const { report } = this;
    report.strategies = await this.#strategize();
    run.emit({ type: 'strategies', iteration: report.iteration, strategies: report.strategies });
    await this.#compete();
    const decision = await this.#decide();
    report.decision = decision;
    run.emit({ type: 'decision', iteration: report.iteration, decision });
    this.#outcome.feedback = decision.feedback;
    const accepted = report.branches.find(({ branch }) => branch === decision.accept);
    if (accepted) await this.#accept(accepted);
    await this.#remember(decision);
    if (!this.#outcome.winner) await this.#keepBest(decision);
  }

  async #strategize(): Promise<readonly S[]> {
    const { options } = this.#run;
    if (!options.strategize) {
      this.#scope.check('strategize');
      return defaultStrategies(options.branches) as S[];
    }
    const strategies = await this.#step('strategize', options.timeouts.strategizeMs, (scope) =>
      options.strategize!({ ...this.#context(scope), branches: options.branches }),
    );
    checkResult('strategize', strategies, strategiesSchema);
    return strategies.map((strategy) => checkResult('strategize', strategy, options.schemas.strategy));
  }

  async #compete(): Promise<void> {
    const { report } = this;
    const { concurrency } = this.#run.options;
    const places = new Semaphore(concurrency ?? report.strategies.length);
    const { iteration } = report;
    const { feedback } = this.#outcome;
    const branches = report.strategies.map(
      (strategy, index) => new Branch(this.#run, this.#scope, { iteration, branch: index + 1, strategy, feedback }),
    );
    report.branches = branches.map((branch) => branch.report);
    this.#branches = await Promise.all(branches.map((branch) => branch.work(places)));
    this.#outcome.receipts = this.#branches.flatMap(({ receipts }) => receipts);
    const aborted = this.#branches.find(({ abort }) => abort !== undefined);
    if (aborted) throw aborted.abort!.error;
  }

  async #decide(): Promise<Decision> {
    const { options } = this.#run;
    const { branches, iteration } = this.report;
    const decide = options.decide ?? defaultDecision;
    const decided = await this.#step('decide', options.timeouts.decideMs, (scope) =>
      decide({ ...this.#context(scope), branches }),
    );
    const decision = checkResult<Decision>('decide', decided, decisionSchema);
    for (const branch of [decision.accept, ...(decision.keep ?? [])]) {
      if (branch !== undefined && !branches.some((known) => known.branch === branch)) {
        throw new ResultError('decide', `there is no branch ${branch} in iteration ${iteration}`);
      }
    }
    return decision;
  }

  async #accept(branch: BranchReport<S, P, V>): Promise<void> {
    const outcome = this.#outcome;
    const commit = await this.#commit(branch);
    this.report.commit = commit;
    if (commit.status === 'committed' || commit.status === 'skipped')
      Object.assign(outcome, { winner: branch, commit });
    else outcome.feedback = [outcome.feedback, commit.feedback].filter(Boolean).join('\n');
  }

  async #commit(branch: BranchReport<S, P, V>): Promise<CommitReport> {
    const run = this.#run;
    const { commitMode, target, approve, timeouts } = run.options;
    const { iteration } = this.report;
    const snapshot = this.#branches.find(({ report }) => report === branch)?.snapshot;
    const changes = snapshot ? await diffManifests(run.base.origin.manifest, snapshot.manifest) : [];
    if (commitMode === 'never' || target === undefined) {
      return { status: 'skipped', branch: branch.branch, target, changes, issues: [], feedback: undefined };
    }
    if (!snapshot) throw new ResultError('decide', `branch ${branch.branch} has no files to commit`);
    return runOwnStep(run, this.#at('commit'), this.#scope, async (signal) => {
      run.emit({ type: 'commit.requested', iteration, branch: branch.branch, target, changes: changes.length });
      const request = {
        iteration,
        branch: branch.branch,
        target,
        base: run.base.origin,
        seedIsTarget: run.seedIsTarget,
        files: { directory: snapshot.directory, manifest: snapshot.manifest },
        changes,
        refused: snapshot.refused,
        signal,
      };
      const commit = await commitStep(run.options.commit, request, {
        approve:
          commitMode === 'manual'
            ? (shown) =>
                runStep(run, this.#at('approve'), this.#scope, timeouts.approveMs, (scope) =>
                  approve!({ ...shown, signal: scope.signal }),
                )
            : undefined,
        beforeApply: () => this.#scope.check('committing'),
      });
      run.emit({ type: 'commit.ended', iteration, branch: branch.branch, commit });
      return commit;
    });
  }

  async #remember(decision: Decision): Promise<void> {
    const { options } = this.#run;
    const { branches } = this.report;
    const remember = options.remember ?? defaultMemory;
    try {
      await this.#step('remember', options.timeouts.rememberMs, (scope) =>
        remember({ ...this.#context(scope), branches, decision }),
      );
    } catch (error) {
      if (this.#run.isAbort(error)) throw error;
      this.#recorded(error, false);
    }
  }

  async #keepBest(decision: Decision): Promise<void> {
    const { options, base } = this.#run;
    if (!options.keepBest) return;
    const chosen = decision.keep ?? this.#best();
    const kept = chosen.flatMap((number) => {
      const branch = this.#branches.find(({ report }) => report.branch === number);
      return branch?.snapshot ? [{ branch: number, snapshot: branch.snapshot }] : [];
    });
    if (kept.length === 0) return;
    const into = this.#run.basePath(this.report.iteration);
    this.report.conflicts = await runOwnStep(this.#run, this.#at('base'), this.#scope, (signal) =>
      base.keep(kept, signal, into),
    );
    this.#outcome.base = into;
  }

  /** Returns the accepted branch, which could not be committed, else the branch with the highest score. Empty if none has a score. */
  #best(): number[] {
    const { accept } = this.report.decision!;
    if (accept !== undefined) return [accept];
    const best = bestOf(this.report.branches.filter(({ verification }) => verification?.score !== undefined));
    return best ? [best.branch] : [];
  }

  #step<R>(phase: Phase, timeoutMs: number | undefined, body: (scope: Scope) => R | Promise<R>): Promise<R> {
    return runStep(this.#run, this.#at(phase), this.#scope, timeoutMs, body);
  }

  #context(scope: Scope) {
    return this.#run.context(scope, { iteration: this.report.iteration }, this.#outcome.feedback);
  }

  #at(phase: Phase): { phase: Phase; iteration: number } {
    this.#phase = phase;
    return { phase, iteration: this.report.iteration };
  }

  #recorded(error: unknown, asFeedback = true): void {
    this.report.errors.push(recordError(error));
    this.#run.failed(error, { phase: this.#phase, iteration: this.report.iteration });
    if (asFeedback) this.#outcome.feedback = `${this.#phase} failed: ${messageOf(error)}`;
  }

  /** Removes the snapshots of the branches. The base has its own copy of the kept files. */
  async #removeSnapshots(): Promise<void> {
    for (const { snapshot } of this.#branches) {
      if (snapshot) await this.#run.scratch.remove(snapshot.directory).catch(() => {});
    }
  }
}
