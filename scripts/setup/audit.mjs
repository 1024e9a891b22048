/**
 * Finds leftovers of a test run: containers and volumes of processes that are gone, temp directories, and histories of commits to
 * the run's own directories in the real state home.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { importCompiled } from './paths.mjs';

// A test may end the instant it has killed an orchestrator; the watchdog and the engine then still have this long.
const SETTLE_MS = 15_000;
const POLL_MS = 500;
const SHARED_MEMORY = '/dev/shm';

/**
 * Prepares the audit: clears what dead owners of earlier runs left, and remembers what is to stay.
 * @param {string} temp the directory the tests use as their temp directory
 */
export async function beginAudit(temp) {
  const backend = await openBackend();
  const cleared = await sweepAll();
  const volumesBefore = await agentVolumes(backend);
  const memoryBefore = ourNames(SHARED_MEMORY);
  return {
    cleared,
    /** Resolves to the leftovers after the time that everything which cleans by itself has. Removes containers and volumes. */
    async finish() {
      await settled(backend);
      const leftovers = [
        ...(await sweepAll()),
        ...ourNames(temp),
        ...ourNames(SHARED_MEMORY).filter((name) => !memoryBefore.includes(name)),
        ...(await historiesOf([temp, path.join(SHARED_MEMORY, 'ripcord-test-')])),
      ];
      await removeVolumes(backend, volumesBefore);
      return leftovers;
    },
  };
}

async function openBackend() {
  const { DockerBackend } = await importCompiled('backends/docker/docker-backend.js');
  return DockerBackend.open();
}

/** @typedef {Awaited<ReturnType<typeof openBackend>>} Backend */

/** @returns {Promise<string[]>} what was removed, and what could not be */
async function sweepAll() {
  const { SandboxManager } = await importCompiled('index.js');
  const { removed, errors } = await SandboxManager.sweep();
  return [...removed.containers, ...removed.volumes, ...removed.directories, ...errors];
}

/** @param {Backend} backend */
async function settled(backend) {
  const { isLeftover } = await importCompiled('cleanup/sweep.js');
  const deadline = Date.now() + SETTLE_MS;
  while (Date.now() < deadline) {
    const now = await backend.now();
    const found = [...(await backend.containers()), ...(await backend.extras())];
    const leftovers = await Promise.all(found.map((item) => isLeftover(backend, item, now)));
    if (!leftovers.includes(true)) return;
    await sleep(POLL_MS);
  }
}

/**
 * Files of the user's own history of commits to a target that begins like one of these: other commits are the user's.
 * @param {string[]} beginnings
 */
async function historiesOf(beginnings) {
  const { historyDirectory } = await importCompiled('commit/history/history.js');
  const directory = historyDirectory();
  if (directory === undefined || !existsSync(directory)) return [];
  return readdirSync(directory)
    .map((name) => path.join(directory, name))
    .filter((file) => beginnings.some((beginning) => readFileSync(file, 'utf8').includes(`"target": "${beginning}`)));
}

/**
 * Entries of a directory that bear a name of ours.
 * @param {string} directory
 */
function ourNames(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => /^(ripcord|rc)-/.test(name))
    .map((name) => path.join(directory, name));
}

/**
 * @param {Backend} backend
 * @returns {Promise<string[]>}
 */
async function agentVolumes(backend) {
  const { Volumes } = await backend.docker.listVolumes({ filters: { name: ['ripcord-agent-'] } });
  return (Volumes ?? []).map((/** @type {{ Name: string }} */ volume) => volume.Name);
}

// The agent's volume is a cache of the engine: the tests' own goes, one that was there stays.
/**
 * @param {Backend} backend
 * @param {string[]} keep
 */
async function removeVolumes(backend, keep) {
  for (const name of await agentVolumes(backend)) {
    // One that another process is using just now is in use, and stays.
    if (!keep.includes(name))
      await backend.docker
        .getVolume(name)
        .remove()
        .catch(() => {});
  }
}
