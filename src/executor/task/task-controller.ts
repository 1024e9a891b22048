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

/** Ended tasks somebody may still ask about. */
const MAX_ENDED = 100;

export interface AbortAnswer {
  id: string;
  /** Whether the task had ended, and all of it was cleaned up, within the grace. If not it still goes on ending. */
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

  /** Begins a task and returns at once; its first event comes after that, so that none is missed. */
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

  /** All that run, and the last hundred that have ended. */
  status(): TaskStatus[] {
    return [...this.#tasks.values()].map((handle) => handle.status());
  }

  /** Aborts everything that runs. */
  abort(options: AbortOptions = {}): Promise<AbortAnswer[]> {
    const running = [...this.#tasks.values()].filter((handle) => handle.running);
    return Promise.all(running.map((handle) => handle.abort(options)));
  }

  /** Aborts everything and waits until it has ended. */
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
  /** Resolves on abort too. Rejects only when the run could not begin. */
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
    // Whoever asks for it gets the rejection; nobody has to.
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

  /** Events from now on; leaving the loop ends it. Each caller gets a stream of its own. */
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
