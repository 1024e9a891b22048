/** testcontainers-node, with as much of the hardening as its API has; without its reaper, which is an image of its own. */
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { LABEL } from './docker.mjs';

export async function open(context) {
  const { image, run, packages } = context;
  context.removeLater(join(tmpdir(), `testcontainers-node-${userInfo().uid}.lock`));
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  const { module, version } = await packages.load('testcontainers');
  return {
    name: 'testcontainers',
    version,
    kind: 'container',
    async open() {
      const container = await new module.GenericContainer(image)
        .withCommand(['sleep', 'infinity'])
        .withNetworkMode('none')
        .withResourcesQuota({ memory: 0.5, cpu: 1 })
        .withDroppedCapabilities('ALL')
        .withSecurityOpt('no-new-privileges')
        .withTmpFs({ '/workspace': 'rw,exec,size=256m,mode=1777' })
        .withUser('1000:1000')
        .withLabels({ [LABEL]: run })
        .start();
      return {
        async exec(argv) {
          const { exitCode, stdout, stderr } = await container.exec(argv);
          if (exitCode !== 0) throw new Error(`${argv[0]} ended with ${exitCode}: ${stderr}`);
          return stdout;
        },
        close: () => container.stop({ timeout: 0 }),
      };
    },
  };
}
