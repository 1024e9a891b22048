import { pathToFileURL } from 'node:url';
import { packageFile } from '../base/package-files.js';

/** Sets `RIPCORD_APT_SOURCES` and `RIPCORD_APT_PROXY`, where they are not set, to what apt on this machine uses. */
export async function adoptAptNetwork(): Promise<void> {
  const script = pathToFileURL(packageFile('scripts/setup/apt-network.mjs')).href;
  ((await import(script)) as { adoptAptNetwork(): void }).adoptAptNetwork();
}
