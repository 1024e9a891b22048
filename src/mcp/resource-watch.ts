/** Notifies a client of changes to the resources that it subscribed to or listed. */
import type { FileState, ListedFile, WorkspaceResources } from './resources.js';

/** Interval of the checks in milliseconds: commands in the background change files without a call that triggers a check. */
const CHECK_MS = 2000;

interface Notifier {
  updated(uri: string): Promise<void>;
  listChanged(): Promise<void>;
}

export class ResourceWatch {
  readonly #resources: WorkspaceResources;
  readonly #notifier: Notifier;
  readonly #subscribed = new Map<string, FileState>();
  /** Names in the list that the client received last; `undefined` before it requested one. */
  #known: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isChecking = false;

  constructor(resources: WorkspaceResources, notifier: Notifier) {
    this.#resources = resources;
    this.#notifier = notifier;
  }

  /**
   * Watches a file.
   * @throws McpError if `uri` is not the address of a file
   */
  async subscribe(uri: string): Promise<void> {
    this.#subscribed.set(uri, await this.#resources.state(uri));
    this.#timer ??= setInterval(() => this.check(), CHECK_MS).unref();
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
  check(): void {
    if (this.#isChecking || (this.#subscribed.size === 0 && this.#known === undefined)) return;
    this.#isChecking = true;
    // A failed check needs no report: the client is gone or the sandbox has ended.
    void this.#check()
      .catch(() => {})
      .finally(() => {
        this.#isChecking = false;
      });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #check(): Promise<void> {
    for (const [uri, before] of this.#subscribed) {
      const now = await this.#resources.state(uri).catch(() => 'not there');
      if (now === before || !this.#subscribed.has(uri)) continue;
      this.#subscribed.set(uri, now);
      await this.#notifier.updated(uri);
    }
    if (this.#known === undefined) return;
    const now = namesOf((await this.#resources.list(undefined, undefined)).files);
    if (now === this.#known) return;
    this.#known = now;
    await this.#notifier.listChanged();
  }
}

const namesOf = (files: readonly ListedFile[]): string => files.map(({ uri }) => uri).join('\n');
