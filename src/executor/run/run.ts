/** One run of the loop: copies the seed, runs the iterations in order, and builds the result. */
import { randomBytes } from 'node:crypto';
import { within } from '../../base/abort.js';
import { messageOf, RipcordError, TaskAbortedError } from '../../base/errors.js';
import { Semaphore } from '../../base/semaphore.js';
import type { SandboxReceipt } from '../../cleanup/receipt.js';
import type { SandboxManager } from '../../sandbox/sandbox-manager.js';
import type { CommitReport } from '../commit/commit-types.js';
import type { RunEvent, RunEventBody } from '../events.js';
import { recordError, TimeLimitError } from '../executor-error.js';
import { BaseWorkspace } from '../files/base-workspace.js';
import { filesToBegin } from '../files/begin.js';
import { Scratch } from '../files/scratch.js';
import { Memory } from '../memory.js';
import type { ResolvedExecutorOptions, RunOptions } from '../options.js';
import { RunLog } from '../record/run-log.js';
import { makeExternal } from '../steps/external.js';
import { Scope } from '../steps/scope.js';
import type { StepPlace } from '../steps/step.js';
import type {
  AbortReport,
  BranchReport,
  IterationReport,
  ResumeState,
  RunResult,
  StepContext,
  VerificationLike,
} from '../types.js';
import { finalOutput } from './final-output.js';
import { abortOnSignals } from './interrupt.js';
import { Iteration, type IterationOutcome } from './iteration.js';
import type { RunContext } from './run-context.js';

export class Run<T, S, P, V extends VerificationLike> {
  readonly id: string;
  readonly #task: T;
  readonly #manager: SandboxManager;
  readonly #options: ResolvedExecutorOptions<T, S, P, V>;
  readonly #runOptions: RunOptions<T>;
  readonly #memory: Memory;
  readonly #scratch: Scratch;
  readonly #scope: Scope;
  readonly #iterations: IterationReport<S, P, V>[] = [];
  readonly #receipts: SandboxReceipt[] = [];
  #log: RunLog | undefined;
  #feedback: string | undefined;
  /** The accepted branch. Undefined if there is none, or if its commit was rejected. */
  #winner: BranchReport<S, P, V> | undefined;
  #commit: CommitReport | undefined;
  /** Functions of the caller that have not returned. */
  readonly #atWork = new Map<Promise<unknown>, string>();
  #nextIteration: number;
  #abortedAt: number | undefined;
  #keptBase: string | undefined;
  #seq = 0;
  #ended = false;

  constructor(
    manager: SandboxManager,
    options: ResolvedExecutorOptions<T, S, P, V>,
    task: T,
    runOptions: RunOptions<T>,
  ) {
    const { resume } = runOptions;
    this.id = runOptions.id ?? resume?.run ?? randomBytes(6).toString('hex');
    this.#manager = manager;
    this.#options = options;
    this.#task = task;
    this.#runOptions = runOptions;
    this.#memory = new Memory(structuredClone(resume?.memory));
    this.#feedback = resume?.feedback;
    this.#nextIteration = resume?.nextIteration ?? 1;
    this.#keptBase = resume?.base;
    this.#scratch = new Scratch(manager);
    this.#scope = new Scope(`run ${this.id}`, runOptions.signal, options.timeouts.totalMs);
    this.#scope.signal.addEventListener('abort', () => (this.#abortedAt = performance.now()), { once: true });
    if (this.#scope.aborted) this.#abortedAt = performance.now();
  }

  async execute(): Promise<RunResult<T, S, P, V>> {
    const startedAt = performance.now();
    const offSignals = this.#runOptions.abortOnSignals
      ? abortOnSignals((reason) => this.#scope.abort(reason))
      : () => {};
    try {
      if (this.#runOptions.runDirectory) this.#log = new RunLog(this.#runOptions.runDirectory, this.id, this.#task);
      const resumedAt = this.#runOptions.resume?.nextIteration;
      this.#emit({ type: 'run.started', task: this.#task, resumedAt });
      await this.#loop();
    } catch (error) {
      if (!this.#isAbort(error)) {
        this.#endLog();
        throw error;
      }
    } finally {
      this.#scope.end();
      offSignals();
      await this.#cleanUp();
    }
    const result = this.#result(performance.now() - startedAt);
    this.#end(result);
    return result;
  }

  #isAbort(error: unknown): boolean {
    const ends =
      error instanceof TaskAbortedError || (error instanceof RipcordError && error.code === 'manager-closed');
    if (ends) this.#scope.abort(error);
    return ends;
  }

  #failed(error: unknown, place: StepPlace): void {
    const { phase, iteration, branch } = place;
    this.#emit({
      type: 'error',
      iteration,
      ...(branch === undefined ? {} : { branch }),
      phase,
      error: recordError(error),
    });
  }

  #emit(body: RunEventBody): void {
    if (this.#ended) return;
    const event = { ...body, run: this.id, seq: ++this.#seq, at: Date.now() } as RunEvent;
    try {
      this.#log?.event(event);
    } catch {
      // A full disk must not end the run; the gap in `seq` shows that something is missing.
    }
    try {
      this.#runOptions.onEvent?.(event);
    } catch {
      // An error of the callback must not end the run.
    }
  }

  #track(what: string, work: Promise<unknown>): void {
    this.#atWork.set(work, what);
    const done = () => void this.#atWork.delete(work);
    work.then(done, done);
  }

  /** Returns the context that iterations and branches receive. */
  #contextWith(base: BaseWorkspace, seedIsTarget: boolean): RunContext<T, S, P, V> {
    return {
      task: this.#task,
      options: this.#options,
      manager: this.#manager,
      memory: this.#memory,
      slots: this.#runOptions.slots ?? new Semaphore(Number.POSITIVE_INFINITY),
      scratch: this.#scratch,
      base,
      seedIsTarget,
      basePath: (iteration) => this.#log?.basePath(iteration),
      emit: (body) => this.#emit(body),
      failed: (error, place) => this.#failed(error, place),
      isAbort: (error) => this.#isAbort(error),
      phaseChanged: ({ phase, ...place }) => this.#emit({ type: 'phase.changed', ...place, phase }),
      track: (what, work) => this.#track(what, work),
      context: (scope, at, feedback) => this.#stepContext(scope, at, feedback),
    };
  }

  #stepContext(scope: Scope, at: { iteration: number; branch?: number }, feedback: string | undefined): StepContext<T> {
    return {
      task: this.#task,
      iteration: at.iteration,
      memory: this.#memory,
      feedback,
      signal: scope.signal,
      log: (message, fields) => this.#emit({ type: 'log', ...at, level: 'info', message, ...(fields && { fields }) }),
      external: makeExternal(scope, at, (event) => this.#emit(event)),
    };
  }

  #take(report: IterationReport<S, P, V>, outcome: IterationOutcome<S, P, V>): void {
    this.#winner = outcome.winner;
    this.#commit = outcome.commit;
    this.#feedback = outcome.feedback;
    this.#receipts.push(...outcome.receipts);
    if (report.complete) {
      this.#nextIteration = report.iteration + 1;
      this.#keptBase = outcome.base ?? this.#keptBase;
      try {
        this.#log?.iteration(report, this.#state());
      } catch (error) {
        this.#failed(error, { phase: 'remember', iteration: report.iteration });
      }
    }
    this.#emit({ type: 'iteration.ended', iteration: report.iteration, report });
  }

  async #loop(): Promise<void> {
    this.#scope.check(`starting ${this.#scope.what}`);
    const context = await this.#openBase();
    for (let iteration = this.#nextIteration; iteration <= this.#options.maxIterations; iteration++) {
      this.#scope.check(`iteration ${iteration}`);
      const next = new Iteration(context, this.#scope, iteration, this.#feedback);
      this.#iterations.push(next.report);
      const outcome = await next.work();
      this.#take(next.report, outcome);
      if (outcome.abort) throw outcome.abort.error;
      if (outcome.winner) return;
    }
  }

  async #openBase(): Promise<RunContext<T, S, P, V>> {
    const { ignore, defaultIgnores, sandbox } = this.#options;
    try {
      const { files, isTarget } = await filesToBegin(sandbox === false ? {} : this.#options);
      const base = await BaseWorkspace.open(files, ignore, this.#scratch, this.#scope.signal, defaultIgnores);
      const { refused } = base;
      if (refused.length > 0) {
        const message = `${refused.length} entries of the seed could not be kept`;
        this.#emit({ type: 'log', iteration: this.#nextIteration, level: 'warn', message, fields: { refused } });
      }
      if (this.#keptBase) await base.restore(this.#keptBase, this.#scope.signal);
      return this.#contextWith(base, isTarget);
    } catch (error) {
      throw this.#scope.explain(error, 'copying the seed');
    }
  }

  /** Waits for functions that still run and removes the scratch directories. The branches have closed their sandboxes. */
  async #cleanUp(): Promise<void> {
    if (this.#atWork.size > 0) await within(Promise.allSettled(this.#atWork.keys()), this.#options.unwindMs);
    await this.#scratch.remove().catch(() => {});
    this.#scope.close();
  }

  #result(durationMs: number): RunResult<T, S, P, V> {
    const { signal } = this.#scope;
    const stopped = signal.aborted && !this.#winner;
    const status = this.#winner
      ? 'accepted'
      : !stopped
        ? 'exhausted'
        : signal.reason instanceof TimeLimitError && signal.reason === this.#scope.timeLimit
          ? 'timeout'
          : 'aborted';
    const lastIteration = this.#iterations.findLast(({ complete }) => complete);
    const abort: AbortReport | undefined = stopped
      ? {
          reason: reasonText(signal.reason),
          settledMs: performance.now() - this.#abortedAt!,
          abandoned: [...this.#atWork.values()],
        }
      : undefined;
    const result: RunResult<T, S, P, V> = {
      run: this.id,
      status,
      finalOutput: '',
      iterations: this.#iterations,
      lastIteration,
      winner: this.#winner,
      commit: this.#commit,
      state: this.#state(),
      abort,
      receipts: this.#receipts,
      durationMs,
    };
    return { ...result, finalOutput: finalOutput(result, this.#options.maxIterations) };
  }

  #end(result: RunResult<T, S, P, V>): void {
    const iteration = this.#iterations.at(-1)?.iteration ?? 0;
    if (result.abort) this.#emit({ type: 'aborted', iteration, reason: result.abort.reason });
    this.#emit({ type: 'completed', status: result.status, finalOutput: result.finalOutput });
    this.#endLog();
  }

  #endLog(): void {
    this.#ended = true;
    try {
      this.#log?.close();
    } catch {
      // A full disk must not end the run. Earlier lines are already on disk.
    }
  }

  #state(): ResumeState<T> {
    return {
      version: 1,
      run: this.id,
      task: this.#task,
      memory: this.#memory.toJSON(),
      feedback: this.#feedback,
      nextIteration: this.#nextIteration,
      base: this.#log ? this.#keptBase : undefined,
    };
  }
}

/** Returns the reason of an abort. A TaskAbortedError names the place; the cause, if it has one, is the reason. */
function reasonText(reason: unknown): string {
  if (reason instanceof TaskAbortedError && reason.cause !== undefined) return reasonText(reason.cause);
  return messageOf(reason);
}
