/** How a sandbox reaches the npm registry this machine is set up with, and nothing else. */
import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Sandbox } from 'ripcord-sandbox';

export interface NpmAccess {
  /** `host:port` */
  target: string;
  network: { allow: string[] };
  /** Puts what npm needs into the sandbox, and returns its environment. */
  prepare(sandbox: Sandbox): Promise<Record<string, string>>;
}

export async function npmAccess(): Promise<NpmAccess> {
  const config = (key: string) => execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim();
  const registry = new URL(config('registry'));
  const port = registry.port || (registry.protocol === 'https:' ? '443' : '80');
  const target = `${registry.hostname}:${port}`;
  // A mirror in the house has an address of the house: it is listed as such.
  const addresses = isIP(registry.hostname) ? [] : await lookup(registry.hostname, { all: true });
  const own = addresses.map(({ address, family }) => `${family === 6 ? `[${address}]` : address}:${port}`);
  return {
    target,
    network: { allow: [target, ...own] },
    async prepare(sandbox) {
      const env: Record<string, string> = { npm_config_registry: registry.href };
      const ca = config('cafile');
      if (ca === 'null' || ca === '') return env;
      await sandbox.files.write('/tmp/ca.pem', readFileSync(ca));
      return { ...env, npm_config_cafile: '/tmp/ca.pem' };
    },
  };
}
