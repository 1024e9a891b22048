/**
 * Installs the agent on an engine, local or remote. Docker fills an empty new volume from the image of the container
 * that mounts it. So: import a one-file image, create a container with the volume (never started), remove both.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import pRetry from 'p-retry';
import { pack } from 'tar-stream';
import type { Architecture } from '../../base/architecture.js';
import { RipcordError } from '../../base/errors.js';
import { currentOwner, formatOwner, livenessOf, parseOwner } from '../../base/owner.js';
import { packageFile } from '../../base/package-files.js';
import { Annotation, Label } from '../backend.js';
import { AGENT_DIR, AGENT_PATH, NODE_DIR, PYTHON_DIR, WARM_DIR } from './container-config.js';
import { statusOf } from './engine-error.js';
import { DockerLabel } from './labels.js';

/**
 * Directories of the volume. All sandboxes of an engine share these inodes. A process that can open one for reading can
 * lock it (flock) or watch it (inotify), and so signal to sandboxes of other owners. That is why only root can open
 * them. Root must: gVisor cannot load a program that it may not read, the warm interpreter reads its part before it
 * becomes the sandbox's user, and PID 1 copies `python/` and `node/` into each sandbox (program/library.c).
 */
const DIRECTORIES = [
  { path: AGENT_DIR, mode: 0o111 },
  { path: WARM_DIR, mode: 0o500 },
  { path: PYTHON_DIR, mode: 0o500 },
  { path: NODE_DIR, mode: 0o500 },
];

export interface AgentBinary {
  files: { path: string; mode: number; content: Buffer }[];
  /** Name of the volume. It contains a hash of the content, so that two versions of Ripcord never share a volume. */
  volume: string;
}

/**
 * Reads the agent's files.
 * @throws RipcordError `agent-missing` if it was not built for `arch`
 */
export function loadAgent(arch: Architecture): AgentBinary {
  const files = [
    { path: AGENT_PATH, mode: 0o511, from: `build/agent-${arch}` },
    { path: `${WARM_DIR}/usercustomize.py`, mode: 0o400, from: 'warm/usercustomize.py' },
    { path: `${WARM_DIR}/native.so`, mode: 0o400, from: `build/warm-${arch}.so` },
    { path: `${PYTHON_DIR}/sitecustomize.py`, mode: 0o400, from: 'python/sitecustomize.py' },
    { path: `${NODE_DIR}/program.cjs`, mode: 0o400, from: 'node/program.cjs' },
    { path: `${NODE_DIR}/typescript.cjs`, mode: 0o400, from: 'node/typescript.cjs' },
  ].map(({ from, ...file }) => ({ ...file, content: readBuilt(from, arch) }));
  const hash = createHash('sha256');
  for (const { path, mode } of [...DIRECTORIES, ...files]) hash.update(`${path} ${mode}\n`);
  for (const { content } of files) hash.update(content);
  return { files, volume: `ripcord-agent-${hash.digest('hex').slice(0, 12)}-${arch}` };
}

function readBuilt(name: string, arch: string): Buffer {
  const path = packageFile(`sandbox-images/agent/${name}`);
  if (existsSync(path)) return readFileSync(path);
  throw new RipcordError('agent-missing', `The sandbox agent for ${arch} is not there: ${path}`, {
    hint: `Build it: node ${packageFile('scripts/build-agent.mjs')} --arch ${arch}`,
  });
}

/** Creates the volume if the engine does not have it. */
export async function ensureAgentVolume(docker: Docker, agent: AgentBinary): Promise<void> {
  const known = await docker
    .getVolume(agent.volume)
    .inspect()
    .catch((error) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
  if (!known) await fillAgentVolume(docker, agent);
}

/** Fills the volume if it is empty. Has no effect if it is full. */
export async function fillAgentVolume(docker: Docker, agent: AgentBinary): Promise<void> {
  // The tag is unique, so that concurrent processes remove only their own.
  const tag = `${agent.volume}:seed-${randomBytes(4).toString('hex')}`;
  await importImage(docker, agent, tag);
  try {
    await docker.createVolume({ Name: agent.volume, Labels: { [DockerLabel.AGENT]: agent.volume } });
    // The fixed container name works as a lock between orchestrators, because the engine accepts a name only once.
    const container = await pRetry(
      () =>
        docker.createContainer({
          name: `${agent.volume}-seed`,
          Image: tag,
          Entrypoint: [AGENT_PATH],
          Labels: { [DockerLabel.AGENT]: agent.volume, ...seedLabels() },
          NetworkDisabled: true,
          HostConfig: { Mounts: [{ Type: 'volume', Source: agent.volume, Target: AGENT_DIR }], NetworkMode: 'none' },
        }),
      {
        retries: 40,
        minTimeout: 50,
        factor: 1.2,
        maxTimeout: 500,
        shouldRetry: ({ error }) => statusOf(error) === 409,
        // A process that held the name that long is dead, too.
        onFailedAttempt: ({ attemptNumber }) => removeSeed(docker, agent, attemptNumber > 20),
      },
    );
    await container.remove({ force: true });
  } finally {
    await docker
      .getImage(tag)
      .remove({ force: true })
      .catch(() => {});
  }
}

/** Returns the labels of the temporary objects, with their owner, so that a sweep detects leftovers. */
const seedLabels = () => ({ [Label.INSTANCE]: 'agent-seed', [Annotation.OWNER]: formatOwner(currentOwner()) });

async function removeSeed(docker: Docker, agent: AgentBinary, whoeverHoldsIt: boolean): Promise<void> {
  const seed = docker.getContainer(`${agent.volume}-seed`);
  try {
    const { Config } = await seed.inspect();
    if (whoeverHoldsIt || livenessOf(parseOwner(Config.Labels[Annotation.OWNER])) === 'dead') {
      await seed.remove({ force: true });
    }
  } catch {
    // The container is gone already, or the next attempt reports the error.
  }
}

async function importImage(docker: Docker, agent: AgentBinary, tag: string): Promise<void> {
  const archive = pack();
  for (const { path, mode } of DIRECTORIES) archive.entry({ name: path.slice(1), type: 'directory', mode });
  for (const { path, mode, content } of agent.files) archive.entry({ name: path.slice(1), mode }, content);
  archive.finalize();
  const [repo, name] = tag.split(':');
  const labels = Object.entries(seedLabels()).map(([key, value]) => `${key}="${value}"`);
  const progress = await docker.importImage(archive as unknown as NodeJS.ReadableStream, {
    repo,
    tag: name,
    changes: `LABEL ${labels.join(' ')}`,
  });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
