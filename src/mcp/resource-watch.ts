/** Tells a client of changes to the resources it is interested in. */
import type { FileState, ListedFile, WorkspaceResources } from './resources.js';

/** Commands in the background change files without a call that would give occasion to look. */
const LOOK_MS = 2000;

interface Told {
  updated(uri: string): Promise<void>;
  listChanged(): Promise<void>;
}

export class ResourceWatch {
  readonly #resources: WorkspaceResources;
  readonly #tell: Told;
  readonly #subscribed = new Map<string, FileState>();
  /** The list as the client knows it; `undefined` while it has not asked. */
  #known: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(resources: WorkspaceResources, tell: Told) {
    this.#resources = resources;
    this.#tell = tell;
  }

  /** @throws McpError for what is no address of a file */
  async subscribe(uri: string): Promise<void> {
    this.#subscribed.set(uri, await this.#resources.state(uri));
    this.#timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  unsubscribe(uri: string): void {
    this.#subscribed.delete(uri);
    if (this.#subscribed.size === 0) this.close();
  }

  /** The client has been given this list. */
  listed(files: readonly ListedFile[]): void {
    this.#known = namesOf(files);
  }

  /** Looks for changes, in the background. */
  look(): void {
    if (this.#looking || (this.#subscribed.size === 0 && this.#known === undefined)) return;
    this.#looking = true;
    // A client that has gone, a sandbox that ends: neither is anybody's concern here.
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
