/** Runs tasks in the background, many at once, with one limit on all their sandboxes. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { z } from 'zod';
import { onAbort, within } from '../../base/abort.js';
import { InvalidOptionsError, messageOf, TaskAbortedError } from '../../base/errors.js';
import { parseOptions } from '../../base/parse-options.js';
import { Semaphore } from '../../base/semaphore.js';
import type { RunEvent } from '../events.js';
import type { IterationExecutor } from '../iteration-executor.js';
import type { RunResult, VerificationLike } from '../types.js';
import { EventStream } from './event-stream.js';
import {
  type AbortOptions,
  abortSchema,
  type ControllerOptions,
  controllerSchema,
  type StartOptions,
  startSchema,
} from './options.js';
import { applyEvent, newStatus, type TaskStatus } from './task-status.js';

/** Maximum number of ended tasks that are kept for `get()` and `status()`. */
const MAX_ENDED = 100;

export interface AbortAnswer {
  id: string;
  /** True if the task ended, with its cleanup, within the grace. If false, it is still ending. */
  settled: boolean;
  waitedMs: number;
  state: TaskStatus['state'];
}

/** Runs tasks in the background, with one limit on all their sandboxes. */
export class TaskController<
  Task,
  Strategy = unknown,
  Proposal = unknown,
  Verification extends VerificationLike = VerificationLike,
> implements AsyncDisposable
{
  readonly #executor: IterationExecutor<Task, Strategy, Proposal, Verification>;
  readonly #options: z.output<typeof controllerSchema>;
  readonly #slots: Semaphore | undefined;
  readonly #tasks = new Map<string, TaskHandle<Task, Strategy, Proposal, Verification>>();

  constructor(executor: IterationExecutor<Task, Strategy, Proposal, Verification>, options: ControllerOptions = {}) {
    this.#executor = executor;
    this.#options = parseOptions(controllerSchema, options, 'TaskController');
    const { maxSandboxes } = this.#options;
    if (maxSandboxes !== undefined && maxSandboxes < executor.sandboxesPerBranch) {
      throw new InvalidOptionsError(
        `TaskController: maxSandboxes is ${maxSandboxes}, but one branch needs ${executor.sandboxesPerBranch}`,
        { hint: "With verifyIn: 'same' a branch needs one." },
      );
    }
    this.#slots = maxSandboxes === undefined ? undefined : new Semaphore(maxSandboxes);
  }

  /** Starts a task and returns at once. Its first event comes later, so that a reader who subscribes at once misses none. */
  start(task: Task, options: StartOptions<Task> = {}): TaskHandle<Task, Strategy, Proposal, Verification> {
    const parsed = parseOptions(startSchema, options, 'start');
    const resume = options.resume;
    const id = parsed.id ?? resume?.run ?? randomBytes(6).toString('hex');
    if (this.#tasks.get(id)?.running) throw new InvalidOptionsError(`start: task ${id} is running already`);
    const { runsDirectory, maxBufferedEvents } = this.#options;
    const handle = new TaskHandle<Task, Strategy, Proposal, Verification>(
      id,
      maxBufferedEvents,
      parsed.signal,
      (extra) =>
        this.#executor.run(task, {
          ...extra,
          id,
          ...(resume && { resume }),
          ...(this.#slots && { slots: this.#slots }),
          ...(runsDirectory && { runDirectory: join(runsDirectory, id) }),
        }),
    );
    this.#tasks.delete(id);
    this.#tasks.set(id, handle);
    this.#forget();
    return handle;
  }

  /** Returns the task of that id, running or ended; undefined if there is none. The last 100 ended tasks are kept. */
  get(id: string): TaskHandle<Task, Strategy, Proposal, Verification> | undefined {
    return this.#tasks.get(id);
  }

  /** Returns the state of all running tasks and of the last 100 ended ones. */
  status(): TaskStatus[] {
    return [...this.#tasks.values()].map((handle) => handle.status());
  }

  /** Aborts all running tasks. */
  abort(options: AbortOptions = {}): Promise<AbortAnswer[]> {
    const running = [...this.#tasks.values()].filter((handle) => handle.running);
    return Promise.all(running.map((handle) => handle.abort(options)));
  }

  /** Aborts all running tasks and waits until they have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
    await Promise.allSettled([...this.#tasks.values()].map((handle) => handle.result));
  }

  #forget(): void {
    let ended = [...this.#tasks.values()].filter((handle) => !handle.running).length;
    for (const [id, handle] of this.#tasks) {
      if (ended <= MAX_ENDED) return;
      if (handle.running) continue;
      this.#tasks.delete(id);
      ended--;
    }
  }
}

interface Extra {
  signal: AbortSignal;
  onEvent: (event: RunEvent) => void;
}

/** One task in the background. */
export class TaskHandle<Task, Strategy, Proposal, Verification extends VerificationLike> {
  /** Id of the task. */
  readonly id: string;
  /** Result of the run. Also resolves on abort. Rejects only if the run could not begin. */
  readonly result: Promise<RunResult<Task, Strategy, Proposal, Verification>>;
  readonly #status: TaskStatus;
  readonly #streams = new Set<EventStream>();
  readonly #controller = new AbortController();
  readonly #maxBuffered: number;
  #ended = false;

  /** @internal */
  constructor(
    id: string,
    maxBuffered: number,
    signal: AbortSignal | undefined,
    run: (extra: Extra) => Promise<RunResult<Task, Strategy, Proposal, Verification>>,
  ) {
    this.id = id;
    this.#maxBuffered = maxBuffered;
    this.#status = newStatus(id);
    const unlink = onAbort(signal, () => this.#controller.abort(signal!.reason));
    this.result = this.#run(run).finally(unlink);
    // The caller may ignore `result`: avoid an unhandled rejection.
    this.result.catch(() => {});
  }

  /** True until the run has ended and all of it is cleaned up. */
  get running(): boolean {
    return !this.#ended;
  }

  /** Returns a copy of the state of the task: its iterations, branches and phase. */
  status(): TaskStatus {
    const aborting = !this.#ended && this.#controller.signal.aborted;
    return { ...structuredClone(this.#status), ...(aborting && { state: 'aborting' as const }) };
  }

  /** Returns the events from now on. Each call returns a separate stream; leaving its `for await` loop closes it. */
  events(): EventStream {
    const stream = new EventStream(this.id, (closed) => this.#streams.delete(closed), this.#maxBuffered);
    if (this.#ended) stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /** Aborts the task and waits for its end, but no longer than the grace. */
  async abort(options: AbortOptions = {}): Promise<AbortAnswer> {
    const { graceMs, reason } = parseOptions(abortSchema, options, 'abort');
    const startedAt = performance.now();
    this.#controller.abort(new TaskAbortedError(reason));
    const ended = this.result.then(
      () => true,
      () => true,
    );
    const settled = this.#ended || (await within(ended, graceMs)) === true;
    return { id: this.id, settled, waitedMs: performance.now() - startedAt, state: this.status().state };
  }

  async #run(
    run: (extra: Extra) => Promise<RunResult<Task, Strategy, Proposal, Verification>>,
  ): Promise<RunResult<Task, Strategy, Proposal, Verification>> {
    await Promise.resolve();
    try {
      return await run({ signal: this.#controller.signal, onEvent: (event) => this.#take(event) });
    } catch (error) {
      Object.assign(this.#status, { state: 'failed', endedAt: Date.now(), error: messageOf(error) });
      throw error;
    } finally {
      this.#ended = true;
      for (const stream of this.#streams) stream.end();
      this.#streams.clear();
    }
  }

  #take(event: RunEvent): void {
    applyEvent(this.#status, event);
    for (const stream of this.#streams) stream.push(event);
  }
}
