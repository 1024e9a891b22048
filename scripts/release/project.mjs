/** A new project with the packed package, as `npm install` makes it for a user. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../setup/run.mjs';

export const PACKAGE = 'ripcord-sandbox';

/** The entries that need an optional peer, with the peer. */
const PEERS = { './ai-sdk': 'ai' };

/** One project, in a directory of its own. */
export class Project {
  /** @param {string} directory */
  constructor(directory) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
    this.write('package.json', '{ "name": "project", "private": true }\n');
  }

  /**
   * Installs packages: no development dependency, no optional peer, no install script.
   * @param {string[]} packages
   * @param {AbortSignal} signal
   */
  async install(packages, signal) {
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
      cwd: this.directory,
      // npm puts its own settings into the environment of `npm run`; a production one would leave packages out.
      env: { NODE_ENV: '', npm_config_omit: '' },
      signal,
      hint: 'Is the npm registry reachable? `npm ping` and the proxy settings of npm tell.',
    });
  }

  /** @param {string[]} parts below the installed package */
  installed(...parts) {
    return path.join(this.directory, 'node_modules', PACKAGE, ...parts);
  }

  /** @returns {Record<string, any>} the installed package.json */
  get manifest() {
    return JSON.parse(readFileSync(this.installed('package.json'), 'utf8'));
  }

  /** @returns {string[]} what a user imports that has nothing but this package */
  get entries() {
    return Object.keys(this.manifest.exports)
      .filter((entry) => !(entry in PEERS))
      .map((entry) => path.posix.join(PACKAGE, entry));
  }

  /** @returns {{ entry: string, peer: string }[]} */
  get entriesWithPeer() {
    return Object.entries(PEERS).map(([entry, peer]) => ({
      entry: path.posix.join(PACKAGE, entry),
      peer: `${peer}@${this.manifest.peerDependencies[peer]}`,
    }));
  }

  /** @param {string} name */
  has(name) {
    return existsSync(this.installed(name));
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  write(name, text) {
    writeFileSync(path.join(this.directory, name), text);
  }

  /**
   * Runs a program of this project.
   * @param {string} name
   * @param {string} text
   * @param {AbortSignal} signal
   * @returns {Promise<string>} its stdout
   */
  async run(name, text, signal) {
    this.write(name, text);
    return await this.command(process.execPath, [name], signal);
  }

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {AbortSignal} signal
   * @returns {Promise<string>} its stdout
   */
  async command(command, args, signal) {
    return await run(command, args, { cwd: this.directory, signal });
  }
}
