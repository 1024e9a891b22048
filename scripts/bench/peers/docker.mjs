/** What the peers on the engine have in common. */
import Docker from 'dockerode';
import { runProcess } from './run-process.mjs';

/** By this label the bench finds what it made. */
export const LABEL = 'ripcord.bench';

/** The flags that make `docker run` as hard as a default sandbox. */
export const HARDENED = [
  '--network=none', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--memory=512m',
  '--memory-swap=512m', '--cpus=1', '--pids-limit=256', '--ipc=private', '--log-driver=none', '--user=1000:1000',
  '--tmpfs=/workspace:rw,exec,nosuid,nodev,size=256m,mode=1777', '--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=51m',
]; // biome-ignore format: a list

/** The same for the engine's API. */
export const HARDENED_HOST_CONFIG = {
  NetworkMode: 'none',
  ReadonlyRootfs: true,
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
  Memory: 512 * 1024 ** 2,
  MemorySwap: 512 * 1024 ** 2,
  NanoCpus: 1e9,
  PidsLimit: 256,
  IpcMode: 'private',
  LogConfig: { Type: 'none', Config: {} },
  Tmpfs: { '/workspace': 'rw,exec,nosuid,nodev,size=256m,mode=1777', '/tmp': 'rw,noexec,nosuid,nodev,size=51m' },
};

let client;

/** @returns {Docker} made late: the set-up may have to find the engine first */
export function engine() {
  client ??= new Docker();
  return client;
}

/** The docker CLI. */
export const cli = (args, options) => runProcess('docker', args, options);

/** @returns {Promise<string>} the CLI's version; throws where there is none */
export async function cliVersion() {
  return (await cli(['version', '--format', '{{.Client.Version}}'])).trim();
}

/** Removes every container of this run of the bench. */
export async function removeContainers(run) {
  const left = await engine().listContainers({ all: true, filters: { label: [`${LABEL}=${run}`] } });
  await Promise.all(
    left.map(({ Id }) =>
      engine()
        .getContainer(Id)
        .remove({ force: true })
        .catch(() => {}),
    ),
  );
  return left.length;
}
