/** One round of the loop: strategies, branches, decision, commit, memory. */
import { messageOf } from '../../base/errors.js';
import { Semaphore } from '../../base/semaphore.js';
import { diffManifests } from '../../workspace/diff.js';
import { type CommitReport, commitStep } from '../commit/commit-step.js';
import type { Phase } from '../events.js';
import { checkResult, ResultError, recordError } from '../executor-error.js';
import { decisionSchema, strategiesSchema } from '../result-schemas.js';
import { Scope } from '../steps/scope.js';
import { runOwnStep, runStep } from '../steps/step.js';
import type { BranchReport, Decision, IterationReport, VerificationLike } from '../types.js';
import { Branch } from './branch.js';
import { bestOf, defaultDecision, defaultMemory, defaultStrategies } from './defaults.js';
import type { Run } from './run.js';

export class Iteration<T, S, P, V extends VerificationLike> {
  readonly report: IterationReport<S, P, V>;
  readonly #run: Run<T, S, P, V>;
  readonly #scope: Scope;
  readonly #startedAt = performance.now();
  #branches: Branch<T, S, P, V>[] = [];
  #phase: Phase = 'strategize';
  #keptBase: string | undefined;

  constructor(run: Run<T, S, P, V>, parent: Scope, iteration: number) {
    this.#run = run;
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

  /** @throws TaskAbortedError; any other error is recorded, and feedback for the next iteration. */
  async work(): Promise<void> {
    const { iteration } = this.report;
    this.#run.emit({ type: 'iteration.started', iteration });
    try {
      await this.#rounds();
      this.report.complete = true;
    } catch (error) {
      // What is committed is committed: an abort that comes after it comes too late.
      if (this.#run.isAbort(error) && !this.#run.winner) throw error;
      this.report.complete = true;
      if (!this.#run.winner) this.#recorded(error);
    } finally {
      this.#scope.close();
      await this.#discard();
      this.report.durationMs = performance.now() - this.#startedAt;
      this.#run.iterationEnded(this.report, this.#keptBase);
    }
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
    run.feedback = decision.feedback;
    const accepted = report.branches.find(({ branch }) => branch === decision.accept);
    if (accepted) await this.#accept(accepted);
    await this.#remember(decision);
    if (!run.winner) await this.#keepBest(decision);
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
    this.#branches = report.strategies.map(
      (strategy, index) => new Branch(this.#run, this.#scope, report.iteration, index + 1, strategy),
    );
    report.branches = this.#branches.map((branch) => branch.report);
    const ended = await Promise.allSettled(this.#branches.map((branch) => branch.work(places)));
    // All of them have ended, and closed their sandboxes, by now.
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
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
    const run = this.#run;
    const commit = await this.#commit(branch);
    this.report.commit = commit;
    if (commit.status === 'committed' || commit.status === 'skipped') {
      run.winner = branch;
      run.commit = commit;
      return;
    }
    run.feedback = [run.feedback, commit.feedback].filter(Boolean).join('\n');
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
    const { options, base, log } = this.#run;
    if (!options.keepBest) return;
    const chosen = decision.keep ?? this.#best();
    const kept = chosen.flatMap((number) => {
      const branch = this.#branches.find(({ report }) => report.branch === number);
      return branch?.snapshot ? [{ branch: number, snapshot: branch.snapshot }] : [];
    });
    if (kept.length === 0) return;
    const into = log?.basePath(this.report.iteration);
    this.report.conflicts = await runOwnStep(this.#run, this.#at('base'), this.#scope, (signal) =>
      base.keep(kept, signal, into),
    );
    this.#keptBase = into;
  }

  /** What was accepted and could not be committed; else the highest score, where anything was scored. */
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
    return this.#run.context(scope, { iteration: this.report.iteration });
  }

  #at(phase: Phase): { phase: Phase; iteration: number } {
    this.#phase = phase;
    return { phase, iteration: this.report.iteration };
  }

  #recorded(error: unknown, asFeedback = true): void {
    this.report.errors.push(recordError(error));
    this.#run.failed(error, { phase: this.#phase, iteration: this.report.iteration });
    if (asFeedback) this.#run.feedback = `${this.#phase} failed: ${messageOf(error)}`;
  }

  /** The branches' files; the base has its own copy of what is kept. */
  async #discard(): Promise<void> {
    for (const { snapshot } of this.#branches) {
      if (snapshot) await this.#run.scratch.remove(snapshot.directory).catch(() => {});
    }
  }
}
