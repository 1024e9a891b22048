/** Notifies a client of changes to the resources that it subscribed to or listed. */
import type { FileState, ListedFile, WorkspaceResources } from './resources.js';

/** Interval of the checks in milliseconds: commands in the background change files without a call that triggers a check. */
const LOOK_MS = 2000;

interface Told {
  updated(uri: string): Promise<void>;
  listChanged(): Promise<void>;
}

export class ResourceWatch {
  readonly #resources: WorkspaceResources;
  readonly #tell: Told;
  readonly #subscribed = new Map<string, FileState>();
  /** Names in the list that the client received last; `undefined` before it requested one. */
  #known: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(resources: WorkspaceResources, tell: Told) {
    this.#resources = resources;
    this.#tell = tell;
  }

  /**
   * Watches a file.
   * @throws McpError if `uri` is not the address of a file
   */
  async subscribe(uri: string): Promise<void> {
    this.#subscribed.set(uri, await this.#resources.state(uri));
    this.#timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  unsubscribe(uri: string): void {
    this.#subscribed.delete(uri);
    if (this.#subscribed.size === 0) this.close();
  }

  /** Records the list that the client received. */
  listed(files: readonly ListedFile[]): void {
    this.#known = namesOf(files);
  }

  /** Checks for changes in the background. */
  look(): void {
    if (this.#looking || (this.#subscribed.size === 0 && this.#known === undefined)) return;
    this.#looking = true;
    // A failed check needs no report: the client is gone or the sandbox has ended.
    void this.#look()
      .catch(() => {})
      .finally(() => {
        this.#looking = false;
      });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    for (const [uri, before] of this.#subscribed) {
      const now = await this.#resources.state(uri).catch(() => 'not there');
      if (now === before || !this.#subscribed.has(uri)) continue;
      this.#subscribed.set(uri, now);
      await this.#tell.updated(uri);
    }
    if (this.#known === undefined) return;
    const now = namesOf((await this.#resources.list(undefined, undefined)).files);
    if (now === this.#known) return;
    this.#known = now;
    await this.#tell.listChanged();
  }
}

const namesOf = (files: readonly ListedFile[]): string => files.map(({ uri }) => uri).join('\n');
