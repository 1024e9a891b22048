/** Data of the server: read at the start and after events. The usage figures are also polled every two seconds. */
import { computed, effect, signal } from '@preact/signals';
import { ApiError, del, get, post } from '../api/http.js';
import { refused, token } from '../api/token.js';
import type { ImageDocument, ReceiptView, SandboxDocument, ServerEvent, TaskDocument } from '../api/types.js';
import { plural } from '../text/format.js';
import { isCleanReceipt } from './clean-receipt.js';
import { connection, follow } from './connection.js';
import { attempt, notify } from './notices.js';
import { resource } from './resource.js';
import { route } from './route.js';
import { UsageHistory } from './usage-history.js';

export const sandboxes = resource(async () => {
  const list = await get<SandboxDocument[]>('/v1/sandboxes?stats=1');
  usage.take(list, Date.now());
  return list;
});
export const tasks = resource(() => get<TaskDocument[]>('/v1/tasks'));
export const receipts = resource(() => get<ReceiptView[]>('/v1/receipts'));
export const specs = resource(() => get<string[]>('/v1/specs'));
export const images = resource(() => get<ImageDocument[]>('/v1/images'));

/** CPU use over the last minute. */
export const usage = new UsageHistory();

/** Sandboxes being created, which do not have figures yet. */
export const creating = signal<ReadonlyMap<string, { image: string; at: number }>>(new Map());

export const isRunning = (task: TaskDocument): boolean => task.state === 'running' || task.state === 'aborting';
export const runningTasks = computed(() => (tasks.data.value ?? []).filter(isRunning));

/** Task that the abort button aborts: the one that is shown, else the one that was started last. */
export const currentTask = computed<TaskDocument | undefined>(() => {
  const { value } = route;
  const shown = value.view === 'task' ? runningTasks.value.find(({ id }) => id === value.id) : undefined;
  return shown ?? [...runningTasks.value].sort((a, b) => b.startedAt - a.startedAt)[0];
});

const POLL_MS = 2000;
const SETTLE_MS = 100;

/** Returns a debounced `load`: several events within a short time cause one read. */
export function soon(load: () => Promise<void>): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      void load();
    }, SETTLE_MS);
  };
}

const sandboxesSoon = soon(sandboxes.load);
const tasksSoon = soon(tasks.load);
const receiptsSoon = soon(receipts.load);

/** Events for views: `event` for each event of the server, `reload` if events may have been missed. */
export const liveEvents = new EventTarget();
export class LiveEventMessage extends Event {
  constructor(readonly detail: ServerEvent) {
    super('event');
  }
}

function take(event: ServerEvent): void {
  liveEvents.dispatchEvent(new LiveEventMessage(event));
  switch (event.type) {
    case 'task':
      if (event.event.type !== 'output') tasksSoon();
      return;
    case 'sandbox.creating':
      creating.value = new Map(creating.value).set(event.sandbox, event);
      return;
    case 'sandbox.failed':
      removeCreating(event.sandbox);
      notify('error', `A sandbox could not be made: ${event.error}`, event.hint);
      return;
    case 'sandbox.created':
      // Keep the row of the creation until the list has the sandbox.
      void sandboxes.load().then(() => removeCreating(event.sandbox));
      return;
    case 'sandbox.closed':
      receiptsSoon();
      sandboxesSoon();
      return;
    case 'sandbox.lost':
    case 'command.started':
    case 'command.ended':
      sandboxesSoon();
      return;
    default:
  }
}

function removeCreating(sandbox: string): void {
  const left = new Map(creating.value);
  left.delete(sandbox);
  creating.value = left;
}

function reloadAll(): void {
  creating.value = new Map();
  for (const { load } of [sandboxes, tasks, receipts, specs]) void load();
  liveEvents.dispatchEvent(new Event('reload'));
}

/** Starts reading from the server. Starts again whenever the token changes. */
export function start(): void {
  let following: AbortController | undefined;
  effect(() => {
    following?.abort();
    // Reading the signal makes this effect run again for a new token.
    const { value: given } = token;
    if (refused.value && given === undefined) return;
    following = new AbortController();
    void begin(following.signal);
  });
  setInterval(() => {
    const { view } = route.peek();
    if (document.hidden || refused.peek() || connection.peek().state !== 'live') return;
    if (view === 'sandboxes' || view === 'sandbox') void sandboxes.load();
  }, POLL_MS);
}

// The first request shows if the token is valid. The error of a refused WebSocket does not have a status.
async function begin(signal: AbortSignal): Promise<void> {
  connection.value = { state: 'connecting' };
  await sandboxes.load();
  if (signal.aborted || refused.peek()) return;
  await follow(
    {
      event: take,
      reload: reloadAll,
    },
    signal,
  );
}

export async function abortTask(id: string): Promise<void> {
  await attempt(`Task ${id} could not be aborted`, async () => {
    await post(`/v1/tasks/${encodeURIComponent(id)}/abort`);
    notify('ok', `Abort of task ${id} requested.`);
    await tasks.load();
  });
}

/** Aborts all running tasks and closes all other sandboxes. */
export async function abortEverything(): Promise<void> {
  await attempt('Not everything could be aborted', async () => {
    // Read the current lists: the shown ones may be outdated.
    const [found, open] = await Promise.all([
      get<TaskDocument[]>('/v1/tasks'),
      get<SandboxDocument[]>('/v1/sandboxes'),
    ]);
    const running = found.filter(isRunning);
    // A task closes its own sandboxes.
    const loose = open.filter(({ task }) => !running.some(({ id }) => id === task));
    const ended = await Promise.allSettled([
      ...running.map(({ id }) => post(`/v1/tasks/${encodeURIComponent(id)}/abort`)),
      // A sandbox that was closed meanwhile is not an error.
      ...loose.map(({ id }) => del(`/v1/sandboxes/${encodeURIComponent(id)}`).catch(unlessGone)),
    ]);
    await Promise.all([tasks.load(), sandboxes.load(), receipts.load()]);
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    notify(
      'ok',
      `Aborted ${plural(running.length, 'task')} and ${plural(loose.length, 'other sandbox', 'other sandboxes')}.`,
    );
  });
}

function unlessGone(error: unknown): void {
  if (!(error instanceof ApiError && [404, 410].includes(error.status))) throw error;
}

export async function closeSandbox(id: string): Promise<ReceiptView | undefined> {
  return attempt(`Sandbox ${id} could not be closed`, async () => {
    const receipt = await del<ReceiptView>(`/v1/sandboxes/${encodeURIComponent(id)}`);
    if (isCleanReceipt(receipt)) notify('ok', `Sandbox ${id} is closed; nothing of it is left.`);
    else notify('error', `Sandbox ${id} was closed, but not all of it is gone.`, 'Its receipt lists the leftovers.');
    await Promise.all([sandboxes.load(), receipts.load()]);
    return receipt;
  });
}
