/** Requirements of the machine itself: an engine, a compiler, tools. Packages are installed on Debian as root only. */
import { rmSync } from 'node:fs';
import { installPackages, isDebianRoot } from './debian.mjs';
import { makeDebianRootfs, rootfsPackages } from './debian-rootfs.mjs';
import { findEngine } from './engine.mjs';
import { askEngine, canAsk } from './engine-api.mjs';
import { engineInstalled, startEngine } from './engine-start.mjs';
import { noEngineError } from './no-engine.mjs';
import { inProject } from './paths.mjs';
import { SetupError } from './setup-error.mjs';
import { COMPILER_PACKAGES, compilerPresent, missingTestPackages } from './tools.mjs';

const ENGINE_PACKAGES = ['docker.io', 'iptables', 'ca-certificates'];

/**
 * @typedef {object} Host
 * @property {import('./engine.mjs').Engine} [engine] the engine that answers already
 * @property {import('./agent.mjs').Arch} arch the processor sandboxes run on
 * @property {boolean} installs whether packages may be installed and an engine started
 * @property {string[]} needed the packages without which nothing works
 * @property {string[]} wanted the packages without which some tests are skipped
 */

/**
 * Looks, and changes nothing.
 * @param {import('./goals.mjs').Goal} goal
 * @returns {Promise<Host>}
 * @throws {import('./setup-error.mjs').SetupError} when there is no engine and this user cannot get one
 */
export async function surveyHost(goal) {
  const { engine, failures } = await findEngine();
  const debianRoot = isDebianRoot();
  const root = process.platform === 'linux' && process.getuid?.() === 0;
  if (!engine) {
    const mayStart = !process.env.DOCKER_HOST && (debianRoot || (root && engineInstalled()));
    if (!mayStart) throw noEngineError(failures, { installed: engineInstalled() });
  }
  const needed = [
    ...(engine || engineInstalled() ? [] : ENGINE_PACKAGES),
    // If there is an engine, the agent can be compiled in a container; if not, this machine is being set up anyway.
    ...(engine || compilerPresent() ? [] : COMPILER_PACKAGES),
  ];
  const wanted = goal.testTools ? missingTestPackages() : [];
  const arch = await engineArch(engine);
  return debianRoot
    ? { engine, arch, installs: true, needed, wanted }
    : { engine, arch, installs: false, needed: [], wanted: [] };
}

/** @type {Record<string, import('./agent.mjs').Arch>} processors with an agent, by the names of Node, engines and uname */
const ARCHES = { x64: 'x64', amd64: 'x64', x86_64: 'x64', arm64: 'arm64', aarch64: 'arm64' };

/**
 * @param {import('./engine.mjs').Engine | undefined} engine
 * @returns {Promise<import('./agent.mjs').Arch>}
 * @throws {SetupError} if no agent can be compiled for that processor
 */
export async function engineArch(engine) {
  let arch = /** @type {string} */ (process.arch);
  if (engine && canAsk(engine.endpoint)) arch = JSON.parse(await askEngine(engine.endpoint, '/version')).Arch;
  const known = ARCHES[arch];
  if (!known) throw new SetupError(`The engine runs on ${arch}; Ripcord has an agent for amd64 and arm64 only.`);
  return known;
}

/**
 * A Debian root filesystem that is made from packages while everything else is, on a machine that gets a new engine.
 *
 * @param {Host} host
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} signal
 */
export async function startRootfs(host, progress, signal) {
  // An engine that is installed already may have the images; a new one certainly does not have any.
  if (host.engine || engineInstalled() || !host.installs || process.env.RIPCORD_BASE_IMAGE) return undefined;
  const packages = rootfsPackages();
  // First in the queue and alone: mmdebstrap works while the larger packages are still being installed.
  if (packages.length > 0) await installPackages(packages, progress, signal);
  // In the checkout, not in the temp directory: what a killed run leaves, the next one overwrites.
  const out = inProject('dist', '.debian-root.tar');
  const unneeded = new AbortController();
  const limit = AbortSignal.any([signal, unneeded.signal]);
  const made = makeDebianRootfs({ out, progress, signal: limit }).then(() => out);
  made.catch(() => {});
  return {
    made: () => made,
    /** Ends it if it is still being made, and removes it. */
    async remove() {
      unneeded.abort(new SetupError('no longer needed'));
      await made.catch(() => {});
      rmSync(out, { force: true });
    },
  };
}

/**
 * Installs what is needed and makes sure an engine answers.
 *
 * @param {Host} host
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} signal
 * @returns {Promise<string>} the engine's endpoint
 */
export async function prepareHost(host, progress, signal) {
  if (host.needed.length > 0) await installPackages(host.needed, progress, signal);
  return host.engine?.endpoint ?? (await startEngine(progress, signal));
}

/**
 * Installs the tools that some tests use. A failure here does not fail the set-up, because those tests are skipped then.
 *
 * @param {Host} host
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} signal
 */
export async function installTools(host, progress, signal) {
  if (host.wanted.length === 0) return;
  const install = (/** @type {string[]} */ packages) => installPackages(packages, progress, signal);
  await install(host.wanted).catch(async () => {
    // Some releases of Debian lack some of them, and apt installs all or nothing.
    for (const name of host.wanted) {
      signal.throwIfAborted();
      await install([name]).catch((error) => progress.warn(error.message));
    }
  });
}
