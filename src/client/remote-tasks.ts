/** Starts, follows and aborts the tasks of a server. */
import { createInterface } from 'node:readline';
import { parseOptions } from '../base/parse-options.js';
import type { Approval } from '../executor/commit/commit-types.js';
import type { RunEvent } from '../executor/events.js';
import {
  abortTaskBody,
  approvalBody,
  type PendingApproval,
  startTaskBody,
  type TaskDocument,
  type TaskEnd,
} from '../wire/tasks.js';
import type { Transport } from './transport.js';

/** An event with its id, from which `events()` can continue. */
export interface TaskEvent {
  id: number;
  event: RunEvent;
}

/** Tasks of a server: runs of the specs that it offers. */
export class RemoteTasks {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Returns the names of the specs that the server offers. */
  specs(): Promise<string[]> {
    return this.#transport.json('GET', '/v1/specs', { what: 'listing specs' });
  }

  /** Starts a task. It keeps running if this process ends. */
  start(spec: string, options: { task?: unknown; id?: string } = {}): Promise<TaskDocument> {
    const json = { spec, ...options };
    parseOptions(startTaskBody, json, 'tasks.start');
    return this.#transport.json('POST', '/v1/tasks', { what: 'starting a task', json });
  }

  /** Returns the tasks of this token. */
  list(): Promise<TaskDocument[]> {
    return this.#transport.json('GET', '/v1/tasks', { what: 'listing tasks' });
  }

  /** Returns the state of a task. */
  status(id: string): Promise<TaskDocument> {
    return this.#transport.json('GET', pathOf(id), { what: 'reading a task' });
  }

  /** Aborts a task. Resolves at once; an event reports the end. */
  async abort(id: string, reason?: string): Promise<void> {
    parseOptions(abortTaskBody, { reason }, 'tasks.abort');
    await this.#transport.json('POST', `${pathOf(id)}/abort`, { what: 'aborting a task', json: { reason } });
  }

  /** Returns the commit of a task that waits for an answer, with its diff. */
  approval(id: string): Promise<PendingApproval> {
    return this.#transport.json('GET', `${pathOf(id)}/approval`, { what: 'reading a diff' });
  }

  /** Approves or declines the pending commit of a task. */
  async answer(id: string, answer: Exclude<Approval, boolean>): Promise<void> {
    const { approve, allow, feedback } = answer;
    const json = { approve, allow, reason: feedback };
    parseOptions(approvalBody, json, 'tasks.answer');
    await this.#transport.json('POST', `${pathOf(id)}/approval`, { what: 'answering', json });
  }

  /** Yields the events of a task after the id `after`, then new ones until its end. Returns the end of the task. */
  async *events(
    id: string,
    { after = 0, signal }: { after?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<TaskEvent, TaskEnd | undefined> {
    const query = { lastEventId: after };
    const stream = await this.#transport.stream('GET', `${pathOf(id)}/events`, {
      what: 'following a task',
      query,
      signal,
    });
    let fields: Record<string, string> = {};
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line !== '') {
        const [, name, value] = /^(\w*): ?(.*)$/.exec(line) ?? [];
        if (name) fields[name] = value ?? '';
        continue;
      }
      const { id: eventId, event: name, data = 'null' } = fields;
      fields = {};
      if (name === 'event') yield { id: Number(eventId), event: JSON.parse(data) as RunEvent };
      else if (name === 'completed' || name === 'aborted' || name === 'failed') return JSON.parse(data) as TaskEnd;
    }
    return undefined;
  }
}

const pathOf = (id: string): string => `/v1/tasks/${encodeURIComponent(id)}`;
