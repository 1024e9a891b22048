import { pathToFileURL } from 'node:url';
import { packageFile } from '../base/package-files.js';

/** Sets `RIPCORD_APT_SOURCES` and `RIPCORD_APT_PROXY` to this machine's apt settings, unless they are already set. */
export async function adoptAptNetwork(): Promise<void> {
  const script = pathToFileURL(packageFile('scripts/setup/apt-network.mjs')).href;
  ((await import(script)) as { adoptAptNetwork(): void }).adoptAptNetwork();
}
