/** Reads the events of one task from the first on. After a disconnect it resumes at the last event. */
import { signal } from '@preact/signals';
import { Backoff, pause } from '../api/backoff.js';
import { ApiError, send } from '../api/http.js';
import { serverEvents } from '../api/server-events.js';
import type { TaskEnd, TaskResult, TaskStreamEvent } from '../api/types.js';
import { TaskRun } from './task-run.js';

const RENDER_MS = 50;

export class TaskStream {
  readonly run = new TaskRun();
  /** Counter that rises when `run` has changed, at most twenty times a second. */
  readonly version = signal(0);
  readonly error = signal<ApiError | undefined>(undefined);
  /** Result of the task, once it has ended. */
  readonly result = signal<TaskResult | undefined>(undefined);
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly id: string) {
    void this.#follow();
  }

  close(): void {
    this.#controller.abort();
    clearTimeout(this.#timer);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#controller;
    const backoff = new Backoff();
    let lastId: string | undefined;
    while (!signal.aborted) {
      try {
        const headers: Record<string, string> = { accept: 'text/event-stream' };
        if (lastId !== undefined) headers['last-event-id'] = lastId;
        const { body } = await send(`/v1/tasks/${encodeURIComponent(this.id)}/events`, { headers, signal });
        this.error.value = undefined;
        backoff.succeeded();
        for await (const { id, event, data } of serverEvents(body!)) {
          lastId = id ?? lastId;
          if (this.#take(event, JSON.parse(data))) return;
          this.#changed();
        }
      } catch (error) {
        if (signal.aborted) return;
        this.error.value = error instanceof ApiError ? error : new ApiError(0, 'stream', 'The stream of events broke.');
        if (this.error.value.status === 404 || this.error.value.status === 401) return;
      }
      await pause(backoff.nextMs(), signal).catch(() => {});
    }
  }

  /** Processes an event. Returns true if it was the last one. */
  #take(name: string, data: unknown): boolean {
    if (name === 'event') this.run.take(data as TaskStreamEvent);
    else if (name === 'gap') {
      const { from, to } = data as { from: number; to: number };
      this.run.missed += to - from + 1;
    } else {
      const end = data as TaskEnd;
      if ('result' in end) {
        this.run.fill(end.result);
        this.result.value = end.result;
      }
      this.#changed();
      return true;
    }
    return false;
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.version.value++;
    }, RENDER_MS);
  }
}
