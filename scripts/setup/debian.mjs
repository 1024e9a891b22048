/** This machine as a Debian system: may packages be installed, and are they. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { findProgram, systemPath } from './paths.mjs';
import { run } from './run.mjs';

/** Whether this is Debian or a relative of it, and this user is root there. */
export function isDebianRoot() {
  return process.platform === 'linux' && process.getuid?.() === 0 && isDebian() && findProgram('apt-get') !== undefined;
}

/** @returns {boolean} */
export function isDebian() {
  try {
    const release = readFileSync('/etc/os-release', 'utf8');
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
  } catch {
    return false;
  }
}

/** @type {Promise<unknown>} */
let queue = Promise.resolve();

/**
 * Installs Debian packages. Calls run one after the other, because apt takes a lock.
 *
 * @param {string[]} packages
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function installPackages(packages, progress, signal) {
  const turn = queue.then(() => install(packages, progress, signal));
  queue = turn.catch(() => {});
  return turn;
}

/**
 * @param {string[]} packages
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} [signal]
 */
async function install(packages, progress, signal) {
  await progress.run(`Debian packages ${packages.join(' ')}`, async (step) => {
    const options = { signal, onLine: step.say };
    const install = () => aptGet(['install', '--no-install-recommends', ...packages], options);
    if (!hasPackageLists()) await aptGet(['update'], options);
    try {
      await install();
    } catch {
      signal?.throwIfAborted();
      // Lists that are too old name files that are gone, and an interrupted earlier run leaves packages half set up.
      await run('dpkg', ['--configure', '-a'], { env: environment(), ...options });
      await aptGet(['update'], options);
      await install();
    }
  });
}

function hasPackageLists() {
  const directory = '/var/lib/apt/lists';
  return existsSync(directory) && readdirSync(directory).some((name) => name.includes('_Packages'));
}

/**
 * @param {string[]} args
 * @param {{ signal?: AbortSignal, onLine?: (line: string) => void }} options
 */
async function aptGet(args, options) {
  await run(
    'apt-get',
    [
      '--yes',
      '--quiet',
      '-o',
      'DPkg::Lock::Timeout=300',
      '-o',
      'Acquire::Languages=none',
      '-o',
      'Dpkg::Use-Pty=0',
      ...args,
    ],
    {
      env: environment(),
      hint: 'Are the Debian mirrors of this machine reachable? `apt-get update` tells.',
      ...options,
    },
  );
}

function environment() {
  return { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1', PATH: systemPath() };
}
