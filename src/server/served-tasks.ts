/** Tasks of the specs that the operator registered. Each has a journal, in which readers can continue after a reconnect. */
import { randomBytes } from 'node:crypto';
import { onAbort } from '../base/abort.js';
import { messageOf, RipcordError, TaskAbortedError } from '../base/errors.js';
import { isClean } from '../cleanup/receipt.js';
import type { Approval, ApprovalRequest } from '../executor/commit/commit-types.js';
import { IterationExecutor } from '../executor/iteration-executor.js';
import type { ExecutorOptions } from '../executor/options.js';
import { TaskController, type TaskHandle } from '../executor/task/task-controller.js';
import type { RunResult, VerificationLike } from '../executor/types.js';
import type { Principal } from '../http/auth.js';
import type { SandboxManager } from '../sandbox/sandbox-manager.js';
import type { PendingApproval, TaskDocument, TaskEnd, TaskReceipt } from '../wire/tasks.js';
import { Journal } from './journal.js';
import type { CallerPolicy, Patience } from './options.js';
import type { Ownership } from './ownership.js';

export interface RegisteredSpec {
  task: unknown;
  options: ExecutorOptions<unknown, unknown, unknown, VerificationLike>;
}

type Result = RunResult<unknown, unknown, unknown, VerificationLike>;
type Handle = TaskHandle<unknown, unknown, unknown, VerificationLike>;

/** Maximum numbers of ended tasks that are kept, and of ended tasks whose events are kept. */
const MAX_ENDED = 100;
const MAX_JOURNALS = 16;
/** Maximum number of buffered events. The journal reads events at once, so that only a burst can reach the limit. */
const MAX_BURST = 100_000;

export interface ServedTask {
  id: string;
  spec: string;
  principal: Principal;
  handle: Handle;
  journal: Journal;
  approval: (PendingApproval & { answer: (approval: Approval) => void }) | undefined;
  /** Resolves at the end of the task. Never rejects. */
  end: Promise<TaskEnd>;
  ended: TaskEnd | undefined;
}

export class ServedTasks {
  readonly #manager: SandboxManager;
  readonly #ownership: Ownership;
  readonly #specs: ReadonlyMap<string, RegisteredSpec>;
  readonly #options: { policy: CallerPolicy; patience: Patience; approve: boolean };
  readonly #observe: (task: ServedTask, event: object) => void;
  readonly #tasks = new Map<string, ServedTask>();
  #closed = false;

  /** @param observe Called with each event, in order. */
  constructor(
    manager: SandboxManager,
    ownership: Ownership,
    specs: Record<string, RegisteredSpec>,
    options: { policy: CallerPolicy; patience: Patience; approve: boolean },
    observe: (task: ServedTask, event: object) => void,
  ) {
    this.#manager = manager;
    this.#ownership = ownership;
    this.#specs = new Map(Object.entries(specs));
    this.#options = options;
    this.#observe = observe;
  }

  /** Number of running tasks. */
  get running(): number {
    return [...this.#tasks.values()].filter(({ ended }) => !ended).length;
  }

  get specs(): string[] {
    return [...this.#specs.keys()];
  }

  /** @throws RipcordError `not-found` for an unknown spec, `quota`, `conflict` for an id in use */
  start(principal: Principal, request: { spec: string; task?: unknown; id?: string | undefined }): ServedTask {
    const spec = this.#specs.get(request.spec);
    if (!spec) {
      throw new RipcordError('not-found', `There is no spec '${request.spec}'`, {
        hint: `There are: ${this.specs.join(', ') || 'none; the server registers them with --spec name=file'}.`,
      });
    }
    if (this.#closed) throw new RipcordError('draining', 'The server is stopping and does not start new work');
    const running = [...this.#tasks.values()].filter(
      ({ principal: { name }, ended }) => name === principal.name && !ended,
    );
    if (running.length >= this.#options.policy.maxTasks) {
      throw new RipcordError('quota', `This token has ${running.length} tasks running, which is its maximum`);
    }
    const id = request.id ?? randomBytes(6).toString('hex');
    if (this.#tasks.has(id)) throw new RipcordError('conflict', `There is a task ${id} already`);
    const journal = new Journal(this.#options.patience.journalBytes);
    const task = { id, spec: request.spec, principal, journal } as ServedTask;
    const executor = new IterationExecutor(this.#manager, {
      // Clients watch tasks of a server.
      output: 'live',
      ...this.#withApproval(spec.options, task),
    });
    const controller = new TaskController(executor, { maxBufferedEvents: MAX_BURST });
    task.handle = this.#ownership.run({ principal, task: id }, () =>
      controller.start(request.task ?? spec.task, { id }),
    );
    // An error while recording events must not keep the task from ending and releasing its slot.
    const recorded = this.#record(task).catch(() => {});
    task.end = this.#finish(task, recorded);
    this.#tasks.set(id, task);
    this.#forget();
    return task;
  }

  /** @throws RipcordError `not-found`, also for a task of another caller */
  get(principal: Principal, id: string): ServedTask {
    const task = this.#tasks.get(id);
    if (task && (principal.operator || task.principal.name === principal.name)) return task;
    throw new RipcordError('not-found', `There is no task ${id}`);
  }

  list(principal: Principal): ServedTask[] {
    return [...this.#tasks.values()].filter((task) => principal.operator || task.principal.name === principal.name);
  }

  describe(task: ServedTask): TaskDocument {
    return { ...task.handle.status(), spec: task.spec, awaitsApproval: task.approval !== undefined };
  }

  /** @throws RipcordError `not-found` if no approval is pending */
  answer(task: ServedTask, approval: Approval): void {
    if (!task.approval) throw new RipcordError('not-found', `Task ${task.id} does not wait for an approval`);
    task.approval.answer(approval);
  }

  /** Refuses new tasks, aborts the running ones and waits for them, but no longer than `graceMs`. */
  async close(graceMs: number): Promise<{ running: number; settled: number }> {
    this.#closed = true;
    const running = [...this.#tasks.values()].filter(({ ended }) => !ended);
    const answers = await Promise.all(
      running.map(({ handle }) => handle.abort({ graceMs, reason: 'the server is stopping' })),
    );
    return { running: running.length, settled: answers.filter(({ settled }) => settled).length };
  }

  #withApproval(options: RegisteredSpec['options'], task: ServedTask): RegisteredSpec['options'] {
    const asks = options.commitMode === 'manual' && !options.approve;
    const commits = options.commitMode !== 'never' && options.target !== undefined;
    if (!asks && !(this.#options.approve && commits)) return options;
    return { ...options, commitMode: 'manual', approve: (request) => this.#ask(task, request) };
  }

  /** Publishes the diff as the pending approval of the task and waits for an answer. */
  async #ask(task: ServedTask, request: ApprovalRequest): Promise<Approval> {
    const { iteration, branch, target, changes, withSeed, flagged, signal } = request;
    const diff = await request.diff();
    return new Promise<Approval>((resolve, reject) => {
      const settle = () => {
        unlisten();
        task.approval = undefined;
      };
      const unlisten = onAbort(signal, () => {
        settle();
        reject(new TaskAbortedError('Aborted while waiting for approval', { cause: signal.reason }));
      });
      if (signal.aborted) return;
      const answer = (approval: Approval) => {
        settle();
        this.#append(task, { type: 'approval.answered', run: task.id, at: Date.now(), approval });
        resolve(approval);
      };
      task.approval = {
        iteration,
        branch,
        target,
        changes: [...changes],
        withSeed,
        flagged: [...flagged],
        diff,
        answer,
      };
      this.#append(task, { type: 'approval.requested', run: task.id, at: Date.now(), iteration, branch });
    });
  }

  #append(task: ServedTask, event: object): void {
    task.journal.append(event);
    this.#observe(task, event);
  }

  async #record(task: ServedTask): Promise<void> {
    for await (const event of task.handle.events()) this.#append(task, event);
  }

  async #finish(task: ServedTask, recorded: Promise<void>): Promise<TaskEnd> {
    let end: TaskEnd;
    try {
      const result = await task.handle.result;
      const receipt = receiptOf(result);
      end = { type: result.status === 'aborted' ? 'aborted' : 'completed', result, receipt };
    } catch (error) {
      end = { type: 'failed', error: messageOf(error) };
    }
    await recorded;
    task.ended = end;
    task.journal.end();
    return end;
  }

  #forget(): void {
    const ended = [...this.#tasks.values()].filter((task) => task.ended);
    for (const task of ended.slice(0, Math.max(0, ended.length - MAX_JOURNALS))) task.journal.clear();
    for (const task of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) this.#tasks.delete(task.id);
  }
}

function receiptOf({ receipts, abort }: Result): TaskReceipt {
  return {
    sandboxes: receipts.length,
    verifiedAbsent: receipts.every(isClean),
    ...(abort && { settledMs: abort.settledMs }),
    receipts,
  };
}
