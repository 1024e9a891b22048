/** One branch of one iteration: its sandbox, its proposal, the verification and the refinements. */

import { messageOf, RipcordError } from '../../base/errors.js';
import { parseOptions } from '../../base/parse-options.js';
import type { Semaphore } from '../../base/semaphore.js';
import type { SandboxReceipt } from '../../cleanup/receipt.js';
import { createSchema } from '../../launch/options.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { Phase } from '../events.js';
import { checkResult, recordError } from '../executor-error.js';
import { type Snapshot, takeSnapshot } from '../files/snapshot.js';
import { sandboxesPerBranch } from '../options.js';
import { verificationSchema } from '../result-schemas.js';
import { guardSandbox, noSandbox } from '../sandbox/guarded-sandbox.js';
import { Scope } from '../steps/scope.js';
import { runOwnStep, runStep } from '../steps/step.js';
import type { BranchReport, ProposeContext, VerificationLike } from '../types.js';
import type { RunContext } from './run-context.js';

/** The end of a branch, with all its sandboxes closed. */
export interface BranchOutcome<S, P, V> {
  report: BranchReport<S, P, V>;
  /** Files that were verified last. Undefined if the run does not need them. */
  snapshot: Snapshot | undefined;
  /** Receipts of its sandboxes, in the order in which they were closed. */
  receipts: readonly SandboxReceipt[];
  /** The error that aborted the branch, and with it the run. */
  abort: { error: unknown } | undefined;
}

/** Position of a branch in the loop, and its input. */
interface BranchStart<S> {
  iteration: number;
  branch: number;
  strategy: S;
  feedback: string | undefined;
}

const sandboxOptions = createSchema.omit({ signal: true, workspace: true });

export class Branch<T, S, P, V extends VerificationLike> {
  readonly report: BranchReport<S, P, V>;
  readonly #run: RunContext<T, S, P, V>;
  readonly #scope: Scope;
  readonly #feedback: string | undefined;
  readonly #open: Sandbox[] = [];
  readonly #receipts: SandboxReceipt[] = [];
  #snapshot: Snapshot | undefined;
  #phase: Phase = 'create';

  constructor(run: RunContext<T, S, P, V>, parent: Scope, start: BranchStart<S>) {
    const { iteration, branch, strategy, feedback } = start;
    this.#run = run;
    this.#feedback = feedback;
    this.#scope = new Scope(`branch ${branch} of iteration ${iteration}`, parent.signal);
    this.report = {
      iteration,
      branch,
      strategy,
      status: 'error',
      proposal: undefined,
      verification: undefined,
      attempts: [],
      error: undefined,
      changes: undefined,
      refused: [],
      ignored: [],
      durationMs: 0,
    };
  }

  /** Runs the branch to its end. Never rejects: an abort is in the outcome, any other error is in the report. */
  async work(places: Semaphore): Promise<BranchOutcome<S, P, V>> {
    const { report } = this;
    let abort: BranchOutcome<S, P, V>['abort'];
    let startedAt = performance.now();
    let leave = () => {};
    let release = () => {};
    try {
      leave = await places.acquire(1, this.#scope.signal, this.#scope.what);
      startedAt = performance.now();
      const sandboxes = sandboxesPerBranch(this.#run.options);
      if (sandboxes > 0) {
        release = await this.#run.slots.acquire(sandboxes, this.#scope.signal, this.#scope.what);
      }
      await this.#compete();
      report.status = report.verification?.passed ? 'passed' : 'failed';
    } catch (error) {
      report.error = recordError(error);
      report.status = this.#run.isAbort(error) ? 'aborted' : 'error';
      if (report.status === 'aborted') abort = { error };
      else this.#run.failed(error, { phase: this.#phase, iteration: report.iteration, branch: report.branch });
    } finally {
      await this.#close(this.#open);
      release();
      leave();
      this.#scope.close();
      report.durationMs = performance.now() - startedAt;
      this.#run.emit({ type: 'branch.ended', iteration: report.iteration, branch: report.branch, report });
    }
    return { report, snapshot: this.#snapshot, receipts: this.#receipts, abort };
  }

  get #needsSnapshots(): boolean {
    const { verifyIn, commitMode, keepBest } = this.#run.options;
    return verifyIn === 'fresh' || commitMode !== 'never' || keepBest;
  }

  async #compete(): Promise<void> {
    const { options } = this.#run;
    const sandbox = await this.#create('propose');
    await this.#propose(sandbox, 'propose', options.timeouts.proposeMs, (context) => options.propose(context));
    for (let refinement = 0; ; refinement++) {
      const verification = await this.#verify(sandbox, refinement);
      if (verification.passed || refinement >= options.maxRefinements) return;
      const { proposal } = this.report;
      await this.#propose(sandbox, 'refine', options.timeouts.refineMs, (context) =>
        options.refine!({ ...context, proposal: proposal as P, verification, refinement }),
      );
    }
  }

  async #propose(
    sandbox: Sandbox | undefined,
    phase: 'propose' | 'refine',
    timeoutMs: number | undefined,
    call: (context: ProposeContext<T, S>) => P | Promise<P>,
  ): Promise<void> {
    const { report } = this;
    const { schemas } = this.#run.options;
    const proposal = checkResult(
      phase,
      await runStep(this.#run, this.#at(phase), this.#scope, timeoutMs, (scope) => call(this.#context(scope, sandbox))),
      schemas.proposal,
    );
    report.proposal = proposal;
    report.verification = undefined;
    report.attempts.push({ proposal, verification: undefined });
    const { iteration, branch, attempts } = report;
    this.#run.emit({ type: 'proposal', iteration, branch, refinement: attempts.length - 1, proposal });
  }

  async #verify(sandbox: Sandbox | undefined, refinement: number): Promise<V> {
    const { report } = this;
    const { options } = this.#run;
    await this.#takeSnapshot(sandbox);
    const fresh = sandbox && options.verifyIn === 'fresh' ? await this.#create('verify') : undefined;
    try {
      const result = await runStep(this.#run, this.#at('verify'), this.#scope, options.timeouts.verifyMs, (scope) =>
        options.verify({ ...this.#context(scope, fresh ?? sandbox), proposal: report.proposal as P, refinement }),
      );
      checkResult('verify', result, verificationSchema);
      const verification = checkResult('verify', result, options.schemas.verification);
      report.verification = verification;
      report.attempts.at(-1)!.verification = verification;
      const { iteration, branch } = report;
      this.#run.emit({ type: 'verification', iteration, branch, refinement, verification });
      return verification;
    } finally {
      if (fresh) await this.#close([fresh]);
    }
  }

  /** Replaces the snapshot by one of the current files, for the verification and a later commit. */
  async #takeSnapshot(sandbox: Sandbox | undefined): Promise<void> {
    if (!sandbox || !this.#needsSnapshots) return;
    const { base, scratch } = this.#run;
    const before = this.#snapshot;
    this.#snapshot = undefined;
    if (before) await scratch.remove(before.directory);
    const { iteration, branch } = this.report;
    const snapshot = await runOwnStep(this.#run, this.#at('snapshot'), this.#scope, async (signal) => {
      const directory = await scratch.make(`i${iteration}-b${branch}-`);
      return takeSnapshot(sandbox, directory, base, base.ignore, signal);
    });
    this.#snapshot = snapshot;
    const { changes, refused, ignored } = snapshot;
    Object.assign(this.report, { changes, refused, ignored });
  }

  async #create(purpose: 'propose' | 'verify'): Promise<Sandbox | undefined> {
    const { options, manager, base } = this.#run;
    const wanted = options.sandbox;
    if (wanted === false) return undefined;
    const { iteration, branch, strategy } = this.report;
    return runOwnStep(this.#run, this.#at('create'), this.#scope, async (signal) => {
      const chosen = typeof wanted === 'function' ? wanted({ iteration, branch, strategy, purpose }) : wanted;
      if (typeof wanted === 'function') parseOptions(sandboxOptions, chosen, 'IterationExecutor: sandbox');
      const from = purpose === 'verify' ? this.#snapshot?.directory : base.current.directory;
      const seed = from === undefined ? undefined : { from, gitignore: false };
      const sandbox = await manager.create({ ...chosen, workspace: { mode: 'copy', seed }, signal });
      this.#open.push(sandbox);
      return sandbox;
    });
  }

  #context(scope: Scope, sandbox: Sandbox | undefined): ProposeContext<T, S> {
    const { iteration, branch, strategy } = this.report;
    const { options } = this.#run;
    const tap = {
      mode: options.output,
      emit: (channel: 'stdout' | 'stderr', text: string, omittedBytes: number) =>
        this.#run.emit({ type: 'output', iteration, branch, channel, text, omittedBytes }),
    };
    return {
      ...this.#run.context(scope, { iteration, branch }, this.#feedback),
      branch,
      strategy,
      sandbox: sandbox ? guardSandbox(sandbox, scope, tap) : noSandbox(),
    };
  }

  #at(phase: Phase): { phase: Phase; iteration: number; branch: number } {
    this.#phase = phase;
    return { phase, iteration: this.report.iteration, branch: this.report.branch };
  }

  /** Closes sandboxes. Never rejects and cannot be aborted. The receipts list leftovers that could not be removed. */
  async #close(sandboxes: Sandbox[]): Promise<void> {
    const closing = sandboxes.filter((sandbox) => this.#open.includes(sandbox));
    await Promise.all(
      closing.map(async (sandbox) => {
        this.#open.splice(this.#open.indexOf(sandbox), 1);
        try {
          this.#receipts.push(await sandbox.close());
        } catch (error) {
          const problem = `A sandbox could not be closed: ${messageOf(error)}`;
          this.#run.failed(new RipcordError('teardown-incomplete', problem, { cause: error }), this.#at(this.#phase));
        }
      }),
    );
  }
}
