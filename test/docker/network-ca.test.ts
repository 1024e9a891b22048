/** `network.ca`: the authority of a private registry, or of a proxy that inspects TLS, is trusted by what runs inside. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { InvalidOptionsError, type Sandbox } from 'ripcord-sandbox';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { useManager } from '../helpers/sandbox.js';
import { makeCertificates } from '../helpers/tls-proxy.js';

const under = useManager();
let directory: TempDir;
let server: https.Server;
let url: string;
let ca: string;
beforeAll(async () => {
  directory = await makeTempDir('ca');
  const file = (name: string) => `${directory.path}/${name}`;
  makeCertificates(file, 'DNS:host.ripcord.internal');
  ca = readFileSync(file('ca.pem'), 'utf8');
  const pair = { cert: readFileSync(file('server.pem')), key: readFileSync(file('server-key.pem')) };
  server = https.createServer(pair, (_, response) => response.setHeader('Content-Type', 'text/html').end('trusted'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `https://host.ripcord.internal:${(server.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await directory.remove();
});
const make = (image: string, withCa = true): Promise<Sandbox> => {
  const allow = [`localhost:${new URL(url).port}`];
  return under.manager.create({ image, network: withCa ? { allow, ca } : { allow } });
};

it('by python, requests and pip', async () => {
  await using sandbox = await make('python');
  const { stdout, stderr } = await sandbox.exec([
    'python3',
    '-c',
    `import urllib.request\nfrom pip._vendor import requests\nprint(urllib.request.urlopen('${url}').read(), requests.get('${url}').text)`,
  ]);
  expect(stderr).toBe('');
  expect(stdout).toBe("b'trusted' trusted\n");
  const pip = await sandbox.exec(`python3 -m pip download --retries 0 --index-url ${url} nothing`);
  expect(pip.stderr).toContain('No matching distribution');
  expect(pip.stderr).not.toContain('SSL');
});

it('by node and npm', async () => {
  await using sandbox = await make('node');
  const { stdout } = await sandbox.exec(['node', '-e', `fetch('${url}').then((r) => r.text()).then(console.log)`]);
  expect(stdout).toBe('trusted\n');
  const npm = await sandbox.exec(`npm view nothing --registry ${url} --fetch-retries 0`);
  expect(npm.stderr).not.toMatch(/CERT|certificate/i);
});

it('by curl and git, which trust the authorities of the image as before', async () => {
  await using sandbox = await make('shell');
  const { stdout } = await sandbox.exec(
    `curl -sS ${url}; echo; git ls-remote ${url} >git.out 2>&1; echo $?; grep -c BEGIN $SSL_CERT_FILE; grep -c BEGIN /etc/ssl/certs/ca-certificates.crt`,
  );
  const [body, git, all, own] = stdout.split('\n');
  expect(body).toBe('trusted');
  expect(git).toBe('0');
  expect(Number(all)).toBe(Number(own) + 1);
});

it('after a command has removed what it can, and in a sandbox that is used again', async () => {
  const options = { image: 'shell', network: { allow: [`localhost:${new URL(url).port}`], ca }, reuse: true };
  const first = await under.manager.create(options);
  // Another user's file would be removed by this.
  await first.exec('rm -rf /tmp/.* /tmp/* /run/ripcord/*; find / -xdev -name "*.pem" -delete; : > $SSL_CERT_FILE');
  expect((await first.exec(`curl -sS ${url}`)).stdout).toBe('trusted');
  // TIME_WAIT keeps a sandbox from being used again: only one that has not connected shows it.
  const quiet = await under.manager.create(options);
  await quiet.exec('rm -f $SSL_CERT_FILE');
  const { reuse } = await quiet.close();
  expect(reuse).toMatchObject({ recycled: true });
  await using again = await under.manager.create(options);
  expect(again.id).toBe(`${quiet.id}-2`);
  expect((await again.exec(`curl -sS ${url}`)).stdout).toBe('trusted');
  await first.close();
});

it('and by nobody without', async () => {
  await using sandbox = await make('shell', false);
  expect((await sandbox.exec(`curl -sS ${url}`)).stderr).toContain('certificate');
});

it('must be certificates; what came is not repeated', async () => {
  for (const wrong of ['/etc/ssl/ca.pem', 'secret', '-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----']) {
    const failure = await under.manager.create({ network: { allow: [], ca: wrong } }).catch((error) => error);
    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure.message).toContain('create: network.ca: ');
    expect(failure.message).not.toContain('secret');
  }
});
