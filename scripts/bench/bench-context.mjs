/** Things that the subjects share: the image, managers, the peers, and their removal. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importCompiled } from '../setup/paths.mjs';
import { engine, LABEL, removeContainers } from './peers/docker.mjs';
import { openPeers } from './peers/index.mjs';
import { PeerPackages } from './peers/packages.mjs';

export class BenchContext {
  image = 'ripcord/python:latest';
  /** Labels what this run makes on the engine. */
  run = randomBytes(6).toString('hex');
  packages = new PeerPackages();
  quick;
  #managers = new Set();
  #peers;
  #root;
  #temporary = [];

  /** @param {{ quick: boolean }} options */
  constructor({ quick }) {
    this.quick = quick;
  }

  /** A manager that is closed after the subject at the latest. */
  async openManager(options, library = undefined) {
    const { SandboxManager } = library ?? (await importCompiled('index.js'));
    // Signals are the run's own business: it has more to remove than a manager knows.
    const manager = await SandboxManager.open({ handleSignals: false, ...options });
    this.#managers.add(manager);
    return manager;
  }

  /**
   * Closes what the subject left open.
   * @returns {Promise<string[]>} what went wrong or is left, for the report
   */
  async closeManagers() {
    const receipts = await Promise.all([...this.#managers].map((manager) => manager.close()));
    this.#managers.clear();
    return receipts.flatMap(({ left, errors }) => [
      ...errors,
      ...Object.entries(left).flatMap(([what, count]) => (count > 0 ? [`${count} ${what} left`] : [])),
    ]);
  }

  /** The other ways, opened at the first call. */
  async peers() {
    this.#peers ??= openPeers(this);
    return this.#peers;
  }

  /** The peers that were opened. */
  async openedPeers() {
    return (await this.#peers) ?? { peers: [], skipped: [] };
  }

  /** A temp directory that is removed at the end. */
  makeDirectory() {
    const directory = mkdtempSync(join(tmpdir(), 'ripcord-bench-'));
    this.#temporary.push(directory);
    return directory;
  }

  /** Removes a file of a peer's at the end, unless it was there before. */
  removeLater(file) {
    if (!existsSync(file)) this.#temporary.push(file);
  }

  /** The image's files as a directory of this machine, for what runs without containers. */
  imageRoot = () => (this.#root ??= this.#exportImage());

  async #exportImage() {
    const root = this.makeDirectory();
    const container = await engine().createContainer({ Image: this.image, Labels: { [LABEL]: this.run } });
    try {
      const tar = spawn('tar', ['-x', '-C', root], { stdio: ['pipe', 'ignore', 'inherit'] });
      (await container.export()).pipe(tar.stdin);
      const [code] = await once(tar, 'close');
      if (code !== 0) throw new Error(`tar ended with ${code}`);
      return root;
    } finally {
      await container.remove({ force: true });
    }
  }

  /** Removes everything. */
  async close() {
    try {
      await this.closeManagers();
      await removeContainers(this.run);
    } finally {
      for (const directory of this.#temporary.splice(0)) rmSync(directory, { recursive: true, force: true });
    }
  }
}
