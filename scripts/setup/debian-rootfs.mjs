/**
 * Debian's root filesystem as a tar file, put together from its packages by mmdebstrap: what an image starts from
 * where no registry can be reached.
 *
 *     node scripts/setup/debian-rootfs.mjs out.tar [amd64|arm64]
 */
import { existsSync } from 'node:fs';
import { adoptAptNetwork } from './apt-network.mjs';
import { installPackages, isDebianRoot } from './debian.mjs';
import { findProgram, isMain, systemPath } from './paths.mjs';
import { createProgress } from './progress.mjs';
import { run } from './run.mjs';
import { printError, SetupError } from './setup-error.mjs';

const SUITE = 'bookworm';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const UNWANTED = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/info/*', '/usr/share/locale/*'];
// The engine writes these for each container. The sources stay: they are those of this machine, or mmdebstrap's own.
const CLEAN_UP = 'rm -f "$1/etc/resolv.conf" "$1/etc/hostname"';

/** The packages of the host that {@link makeDebianRootfs} needs and that are missing. */
export function rootfsPackages() {
  return [
    ...(findProgram('mmdebstrap') ? [] : ['mmdebstrap']),
    ...(existsSync(KEYRING) ? [] : ['debian-archive-keyring']),
  ];
}

/**
 * @param {object} options
 * @param {string} options.out the tar file to write
 * @param {string} [options.architecture] Debian's name for it; default this machine's
 * @param {import('./progress.mjs').Progress} options.progress
 * @param {AbortSignal} [options.signal]
 */
export async function makeDebianRootfs({ out, architecture, progress, signal }) {
  const packages = rootfsPackages();
  if (packages.length > 0) {
    if (!isDebianRoot()) {
      throw new SetupError(
        'Putting Debian together needs mmdebstrap, and root on a Debian or Ubuntu machine to install it.',
      );
    }
    await installPackages(packages, progress, signal);
  }
  adoptAptNetwork();
  const proxy = process.env.RIPCORD_APT_PROXY;
  await progress.run('Debian root filesystem', (step) =>
    run('mmdebstrap', mmdebstrapArgs(out, architecture), {
      env: { PATH: systemPath(), ...(proxy ? { http_proxy: proxy } : {}) },
      signal,
      onLine: step.say,
      hint: 'Are the Debian mirrors of this machine reachable? RIPCORD_APT_SOURCES names others.',
    }),
  );
}

/**
 * @param {string} out
 * @param {string | undefined} architecture
 */
function mmdebstrapArgs(out, architecture) {
  const sources = process.env.RIPCORD_APT_SOURCES?.split('\n') ?? [];
  return [
    '--variant=minbase',
    '--include=ca-certificates',
    '--format=tar',
    `--mode=${process.getuid?.() === 0 ? 'root' : 'unshare'}`,
    `--keyring=${KEYRING}`,
    ...(architecture ? [`--architectures=${architecture}`] : []),
    '--aptopt=Acquire::Languages "none"',
    '--dpkgopt=force-unsafe-io',
    ...UNWANTED.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    '--dpkgopt=path-include=/usr/share/doc/*/copyright',
    `--customize-hook=${CLEAN_UP}`,
    SUITE,
    out,
    ...sources,
  ];
}

if (isMain(import.meta.url)) {
  const [out, architecture] = process.argv.slice(2);
  if (!out) throw new SetupError('usage: node scripts/setup/debian-rootfs.mjs out.tar [architecture]');
  try {
    await makeDebianRootfs({ out, architecture, progress: createProgress() });
  } catch (error) {
    printError(error);
    process.exitCode = 1;
  }
}
