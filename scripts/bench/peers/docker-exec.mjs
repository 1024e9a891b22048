/**
 * `docker exec` for every command in a container that idles: how inspect_ai and most agents' sandboxes drive Docker,
 * with flags as hard as a default sandbox.
 */
import { cli, cliVersion, HARDENED, LABEL } from './docker.mjs';

export async function open({ image, run }) {
  const flags = ['run', '--detach', '--rm', '--init', `--label=${LABEL}=${run}`, ...HARDENED, image];
  return {
    name: 'docker exec (CLI)',
    version: await cliVersion(),
    kind: 'container',
    async open() {
      const id = (await cli([...flags, 'sleep', 'infinity'])).trim();
      return {
        exec: (argv) => cli(['exec', id, ...argv]),
        close: () => cli(['rm', '--force', id]),
      };
    },
  };
}
