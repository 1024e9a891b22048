/**
 * Finds the leftovers of one orchestrator on this machine: by the engine's raw API (containers in every state), in the file system and
 * in /proc. Independent of the library: containers are found by a label that the test gave them and by the engine's
 * events, temp directories and processes by the TMPDIR that the test made for them.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineApi } from './engine-api.js';
import { scaled } from './measure.js';
import { type HostProcess, isWatchdog, processesOfContainers, processesWithTempDir } from './processes.js';

/** The label by which a test knows its own containers. */
export const TOKEN_LABEL = 'chaos.token';

export interface Subject {
  api: EngineApi;
  token: string;
  tempDir: string;
  /** Told by the orchestrator, if it came to that. */
  instance: string | undefined;
  /** Every container the engine ever made for it. */
  containerIds: Set<string>;
  /**
   * The engine was ended while it may have been starting a container: it can leave a shim and the runtime's own
   * `runc init`, which waits for a start that never comes and has run nothing of the image. These two are not counted
   * then, as no call of the engine's API could remove them. Whatever else runs below a shim is.
   */
  engineStopped?: boolean;
  /** Further processes that must be dead. */
  pids: Set<number>;
}

export interface Leftovers {
  containers: string[];
  volumes: string[];
  directories: string[];
  processes: string[];
  /** Watchdogs that still run. They clean up, so they are not leftovers, but they must end, too. */
  watchdogs: HostProcess[];
}

export const isClean = (found: Leftovers): boolean =>
  found.containers.length + found.volumes.length + found.directories.length + found.processes.length === 0;

export async function audit(subject: Subject): Promise<Leftovers> {
  const { api, instance } = subject;
  const labels = [`${TOKEN_LABEL}=${subject.token}`, ...(instance ? [`ripcord.instance=${instance}`] : [])];
  const [volumes, ...lists] = await Promise.all([
    instance ? api.volumes(`ripcord.instance=${instance}`) : [],
    ...labels.map((label) => api.containers(label)),
  ]);
  const containers = new Map(lists.flat().map((container) => [container.Id, container.State]));
  for (const [id, state] of containers) {
    subject.containerIds.add(id);
    // An engine killed in the middle of a removal may list a container that does not exist and cannot be removed.
    if (state === 'dead' && !(await api.exists(id))) containers.delete(id);
  }
  const own = processesWithTempDir(subject.tempDir);
  const isNeverStarted = ({ command }: HostProcess) =>
    subject.engineStopped && (/containerd-shim/.test(command.split(' ')[0]!) || command.trim() === 'runc init');
  const ofContainers = processesOfContainers(subject.containerIds).filter((found) => !isNeverStarted(found));
  const processes = [...ofContainers, ...own.filter((found) => !isWatchdog(found))];
  return {
    containers: [...containers].map(([id, state]) => `${id.slice(0, 12)} ${state}`),
    volumes,
    directories: entriesBelow(subject.tempDir),
    processes: processes.map(({ pid, state, command }) => `${pid} ${state} ${command}`),
    watchdogs: own.filter(isWatchdog),
  };
}

function entriesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) =>
      join(entry.parentPath, entry.name),
    );
  } catch {
    // Something in it is being removed right now.
    return [directory];
  }
}

export interface Settled {
  /** Time from `since` until the last leftover was gone. */
  cleanMs: number;
  /** Time from `since` until the watchdog had ended as well. */
  watchdogMs: number;
}

const POLL_MS = 50;
/** A container, directory or process that is there after this long counts as left behind. */
export const LEAK_MS = 30_000;
/** The long form holds the time that is promised, on a machine without other work. */
const PROMISED_MS = scaled(LEAK_MS, 5000);
/** Past the deadline it is watched on, so that a failure says whether it was late or for ever. */
const GIVE_UP_MS = 10_000;

/**
 * Looks again and again until nothing is left and the watchdog has gone; what shows up late (a create call that was
 * still on its way) counts.
 * @throws when something is left after `withinMs`, or a watchdog after `watchdogMs`
 */
export async function settled(
  subject: Subject,
  { since = performance.now(), withinMs = PROMISED_MS, watchdogMs = 4 * PROMISED_MS } = {},
): Promise<Settled> {
  let cleanMs: number | undefined;
  const history: string[] = [];
  const fail = async (what: string) => {
    const answers = await Promise.all([...subject.containerIds].map((id) => explain(subject.api, id)));
    return new Error([`${what}; it was seen so:`, ...history, ...answers].join('\n'));
  };
  for (;;) {
    const found = await audit(subject);
    const elapsed = performance.now() - since;
    const summary = summarise(found);
    if (!history.at(-1)?.endsWith(summary)) history.push(`  ${Math.round(elapsed)} ms: ${summary}`);
    if (isClean(found)) cleanMs ??= elapsed;
    else cleanMs = undefined;
    if (cleanMs !== undefined && found.watchdogs.length === 0) {
      if (cleanMs > withinMs) throw await fail(`clean only after ${Math.round(cleanMs)} ms`);
      return { cleanMs, watchdogMs: elapsed };
    }
    if (elapsed > withinMs + GIVE_UP_MS && cleanMs === undefined)
      throw await fail(`not clean after ${Math.round(elapsed)} ms`);
    if (elapsed > watchdogMs + GIVE_UP_MS) throw await fail(`the watchdog still runs after ${Math.round(elapsed)} ms`);
    await sleep(POLL_MS);
  }
}

/** Returns the engine's state of a container that should be gone, and the reason why it is not removed. */
async function explain(api: EngineApi, id: string): Promise<string> {
  const found = await api.ask('GET', `/containers/${id}/json`);
  if (found.status === 404) return `  ${id.slice(0, 12)}: gone`;
  const removed = await api.ask('DELETE', `/containers/${id}?force=1&v=1`);
  const state = found.status === 200 ? JSON.stringify(JSON.parse(found.text).State) : found.text.trim();
  return `  ${id.slice(0, 12)}: ${state}; DELETE: ${removed.status} ${removed.text.trim()}`;
}

function summarise({ containers, volumes, directories, processes, watchdogs }: Leftovers): string {
  const parts = [...containers, ...volumes, ...directories.slice(0, 3), ...processes];
  const left = parts.length > 12 ? `${containers.length} containers, ${processes.length} processes` : parts.join(' | ');
  return `${left || 'clean'}${watchdogs.length > 0 ? ' (watchdog)' : ''}`;
}
