/** Host directories of a run, below the manager's directory, where its teardown, its watchdog and the sweep find them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dir } from 'tmp-promise';
import { removeTree } from '../../base/remove-tree.js';
import { stateRoot } from '../../cleanup/state-dir.js';

export class Scratch {
  readonly #manager: { readonly instance: string; readonly directory?: string };
  #root: Promise<string> | undefined;

  constructor(manager: { readonly instance: string; readonly directory?: string }) {
    this.#manager = manager;
  }

  /** Creates a directory and returns its path. */
  async make(name: string): Promise<string> {
    this.#root ??= this.#makeRoot();
    return (await dir({ tmpdir: await this.#root, prefix: name, mode: 0o700, keep: true })).path;
  }

  /** Removes one directory, or without an argument all of them. */
  async remove(path?: string): Promise<void> {
    if (path) return removeTree(path);
    const root = await this.#root?.catch(() => undefined);
    if (root) await removeTree(root);
  }

  async #makeRoot(): Promise<string> {
    const own = this.#manager.directory ?? join(stateRoot(), this.#manager.instance);
    return (await dir({ ...(existsSync(own) ? { tmpdir: own } : {}), prefix: 'ripcord-run', mode: 0o700, keep: true }))
      .path;
  }
}
