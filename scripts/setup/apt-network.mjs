/** Reads the package sources of this machine's apt, so that builds of images use the same ones. */
import { execFileSync } from 'node:child_process';
import { isDebian } from './debian.mjs';

const SUITES = ['bookworm', 'bookworm-updates', 'bookworm-security'];

/**
 * Puts this machine's own Debian sources and proxy into `RIPCORD_APT_SOURCES` and `RIPCORD_APT_PROXY`, unless they are set
 * already.
 */
export function adoptAptNetwork() {
  if (process.platform !== 'linux' || !isDebian()) return;
  const sources = aptSources();
  if (sources) process.env.RIPCORD_APT_SOURCES ??= sources;
  const proxy = aptProxy();
  if (proxy) process.env.RIPCORD_APT_PROXY ??= proxy;
}

function aptSources() {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const targets = ask('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']).split('\n');
  const lines = targets.flatMap((target) => {
    const [uri, suite, component] = target.trim().split(' ');
    return SUITES.includes(suite) && component === 'main' ? `deb ${uri.replace(/\/$/, '')} ${suite} main` : [];
  });
  // Without the suite itself these are not Debian's sources but additions to another release.
  if (!lines.some((line) => line.endsWith(` ${SUITES[0]} main`))) return undefined;
  return [...new Set(lines)].join('\n');
}

function aptProxy() {
  return /^Acquire::http::Proxy "(http[^"]+)";$/m.exec(ask('apt-config', ['dump', 'Acquire::http::Proxy']))?.[1];
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function ask(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
