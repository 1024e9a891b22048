/** `docker run --rm` for every program, with flags that make it as hard as a default sandbox. */
import { cli, cliVersion, HARDENED, LABEL } from './docker.mjs';

export async function open({ image, run }) {
  const flags = ['run', '--rm', `--label=${LABEL}=${run}`, ...HARDENED, image];
  return {
    name: 'docker run',
    version: await cliVersion(),
    kind: 'container',
    once: (argv, onOutput) => cli([...flags, ...argv], { onOutput }),
  };
}
