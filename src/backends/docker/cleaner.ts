/**
 * Engine calls of a watchdog, in plain HTTP. They take 10 ms of CPU to a local socket. Loading dockerode takes 400 ms,
 * at a moment when time matters and the machine may be busy.
 */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleaner, Extra, Found } from '../backend.js';
import type { DockerOrders } from './endpoint.js';
import { withoutGhosts } from './ghosts.js';
import { instanceFilter, split } from './labels.js';

export async function openCleaner({ endpoint }: DockerOrders): Promise<Cleaner> {
  const { socketPath, version } = endpoint.options;
  if (socketPath && version === undefined && endpoint.ssh === undefined) return new SocketCleaner(socketPath);
  const { DockerBackend } = await import('./docker-backend.js');
  return new DockerBackend(endpoint);
}

/** Deadlines in milliseconds: of one call, and of a whole removal. */
const CALL_MS = 15_000;
const REMOVE_MS = 30_000;
const MAX_PAUSE_MS = 500;

interface Answer {
  status: number;
  text: string;
}

class SocketCleaner implements Cleaner {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async containers(instance: string): Promise<Found[]> {
    type Listed = { Id: string; Names: string[]; Labels: Record<string, string>; State: string; Created: number };
    const found: Listed[] = await this.#list(`/containers/json?all=1&${labelled(instance)}`);
    const listed = found.map(({ Id, Names, Labels, State, Created }) => ({
      id: Id,
      name: Names[0]?.slice(1) ?? Id,
      ...split(Labels),
      state: State,
      createdAtMs: Created * 1000,
    }));
    return withoutGhosts(listed, (id) => this.#isAbsent(id));
  }

  async extras(instance: string): Promise<Extra[]> {
    type Listed = { Volumes: { Name: string; Labels: Record<string, string> | null }[] | null };
    const found: Listed = await this.#list(`/volumes?${labelled(instance)}`);
    return (found.Volumes ?? []).map(({ Name, Labels }) => ({
      kind: 'volume' as const,
      id: Name,
      name: Name,
      ...split(Labels),
      createdAtMs: 0,
      remove: () => this.#removeVolume(Name),
    }));
  }

  async remove(id: string): Promise<void> {
    const giveUpAt = Date.now() + REMOVE_MS;
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS)) {
      const removed = await this.#ask('DELETE', `/containers/${id}?force=1&v=1`);
      // Only the engine's answer counts. Status 409 means that a removal is in progress, by AutoRemove or another
      // process.
      if (await this.#isAbsent(id)) return;
      if (Date.now() > giveUpAt) throw new Error(`container ${id} is still there: ${removed.text.trim()}`);
      await sleep(pauseMs);
    }
  }

  async #removeVolume(name: string): Promise<void> {
    const { status, text } = await this.#ask('DELETE', `/volumes/${name}?force=1`);
    if (status >= 300 && status !== 404) throw new Error(`volume ${name}: ${text.trim()}`);
  }

  close(): void {}

  async #isAbsent(id: string): Promise<boolean> {
    return (await this.#ask('GET', `/containers/${id}/json`)).status === 404;
  }

  async #list<T>(path: string): Promise<T> {
    const { status, text } = await this.#ask('GET', path);
    if (status !== 200) throw new Error(`${path}: ${status} ${text.trim()}`);
    return JSON.parse(text) as T;
  }

  #ask(method: string, path: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(CALL_MS);
      const call = request({ socketPath: this.#socketPath, method, path, agent: false, signal }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (more: string) => {
          text += more;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      });
      call.on('error', reject);
      call.end();
    });
  }
}

const labelled = (instance: string): string =>
  `filters=${encodeURIComponent(JSON.stringify({ label: [instanceFilter(instance)] }))}`;
