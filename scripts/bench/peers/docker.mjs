/** Things that the peers on the engine share. */
import Docker from 'dockerode';
import { importCompiled } from '../../setup/paths.mjs';
import { runProcess } from './run-process.mjs';

const { tmpfsSizes } = await importCompiled('launch/tmpfs-sizes.js');

/** By this label the bench finds what it made. */
export const LABEL = 'ripcord.bench';

const MEMORY = 512 * 1024 ** 2;
const PLACES = { workspace: '/workspace', home: '/home/sandbox', tmp: '/tmp' };
/** The places of a default sandbox, with their sizes. */
const TMPFS = Object.fromEntries(
  Object.entries(tmpfsSizes({ memory: MEMORY })).map(([place, { bytes, inodes }]) => [
    PLACES[place],
    `rw,exec,nosuid,nodev,size=${bytes},nr_inodes=${inodes},mode=1777`,
  ]),
);

/** The flags that make `docker run` as hard as a default sandbox. */
export const HARDENED = [
  '--network=none', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--memory=512m',
  '--memory-swap=512m', '--cpus=1', '--pids-limit=256', '--ipc=private', '--log-driver=none', '--user=1000:1000',
  ...Object.entries(TMPFS).map(([path, options]) => `--tmpfs=${path}:${options}`),
]; // biome-ignore format: a list

/** Options of the engine's API with the same meaning. */
export const HARDENED_HOST_CONFIG = {
  NetworkMode: 'none',
  ReadonlyRootfs: true,
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
  Memory: MEMORY,
  MemorySwap: MEMORY,
  NanoCpus: 1e9,
  PidsLimit: 256,
  IpcMode: 'private',
  LogConfig: { Type: 'none', Config: {} },
  Tmpfs: TMPFS,
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
