import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { engineCandidates, findEngine } from '../../../scripts/setup/engine.mjs';
import { canAsk, pingEngine } from '../../../scripts/setup/engine-api.mjs';
import { noEngineError } from '../../../scripts/setup/no-engine.mjs';

/** @type {string} */
let directory;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-engine-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

/** @param {string} body */
async function fakeEngine(body, status = 200) {
  const socket = path.join(directory, 'engine.sock');
  const server = http.createServer((_, response) => response.writeHead(status).end(body)).listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  return { endpoint: `unix://${socket}`, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(resolve)) };
}

describe('asking an engine', () => {
  test('succeeds when it says OK', async () => {
    const engine = await fakeEngine('OK');
    await expect(pingEngine(engine.endpoint)).resolves.toBeUndefined();
    await engine[Symbol.asyncDispose]();
  });

  test('fails when what answers is no engine, or one that is failing', async () => {
    const web = await fakeEngine('<html>');
    await expect(pingEngine(web.endpoint)).rejects.toThrow('not a Docker engine');
    await web[Symbol.asyncDispose]();
    const broken = await fakeEngine('starting', 503);
    await expect(pingEngine(broken.endpoint)).rejects.toThrow('HTTP 503: starting');
    await broken[Symbol.asyncDispose]();
  });

  test('is not tried in plain HTTP where ssh or TLS is wanted', () => {
    expect(canAsk('unix:///x.sock')).toBe(true);
    expect(canAsk('tcp://[::1]:2375')).toBe(true);
    expect(canAsk('ssh://user@host')).toBe(false);
    expect(canAsk('https://host:2376')).toBe(false);
    vi.stubEnv('DOCKER_TLS_VERIFY', '1');
    expect(canAsk('tcp://host:2376')).toBe(false);
  });
});

describe('finding an engine', () => {
  test('asks DOCKER_HOST alone when it is set', async () => {
    vi.stubEnv('DOCKER_HOST', `unix://${directory}/nothing.sock`);
    const { engine, failures } = await findEngine();
    expect(engine).toBeUndefined();
    expect(failures).toMatchObject([{ source: 'DOCKER_HOST', error: { code: 'ENOENT' } }]);
  });

  test('looks at the docker context before the usual sockets', () => {
    vi.stubEnv('DOCKER_HOST', '');
    vi.stubEnv('DOCKER_CONFIG', directory);
    const meta = path.join(directory, 'contexts', 'meta', createHash('sha256').update('colima').digest('hex'));
    mkdirSync(meta, { recursive: true });
    writeFileSync(path.join(directory, 'config.json'), JSON.stringify({ currentContext: 'colima' }));
    writeFileSync(path.join(meta, 'meta.json'), JSON.stringify({ Endpoints: { docker: { Host: 'unix:///c.sock' } } }));
    expect(engineCandidates()[0]).toEqual({ endpoint: 'unix:///c.sock', source: 'docker context colima' });
  });
});

describe('a machine without an engine', () => {
  const failure = (/** @type {string} */ code, source = '/var/run/docker.sock') => ({
    endpoint: `unix://${source}`,
    source,
    error: Object.assign(new Error(code), { code }),
  });

  test('is told how to get rights on the socket', () => {
    const error = noEngineError([failure('EACCES')], { installed: true });
    expect(error.message).toContain('this user may not use it');
    expect(error.hint).toContain('usermod -aG docker');
    expect(error.hint).toContain('rootless');
  });

  test('is told that DOCKER_HOST leads nowhere', () => {
    const error = noEngineError([failure('ECONNREFUSED', 'DOCKER_HOST')], { installed: true });
    expect(error.message).toContain('nothing listens there');
    expect(error.hint).toContain('unset DOCKER_HOST');
  });

  test.runIf(process.platform === 'linux')('is told to start what is installed, or what to install', () => {
    expect(noEngineError([], { installed: true }).hint).toMatch(/systemctl start docker|engine:start/);
    expect(noEngineError([], { installed: false }).hint).toContain('apt-get install docker.io');
  });
});
