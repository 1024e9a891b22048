/** Battery 52–55: the network there is none of, and the list of what may be reached all the same. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect } from 'vitest';
import { battery } from '../helpers/hostile.js';

let connections = 0;
const [listed, foreign] = [createServer((_, response) => response.end('listed')), createServer()];
foreign.on('connection', (socket) => {
  connections++;
  socket.destroy();
});
const portOf = (server: typeof listed) => (server.address() as AddressInfo).port;
beforeAll(async () => {
  for (const server of [listed, foreign]) await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  for (const server of [listed, foreign]) server.close();
});

battery('network', ['runc'], (attack) => {
  attack('52 connections to anywhere: one interface, refused at once', {}, async ({ run }) => {
    const { stdout } = await run('interfaces.py');
    expect(stdout).toBe('lo\nENETUNREACH\nat once\n');
  });

  attack('53 names by any resolver: nothing leaves', {}, async ({ run }) => {
    const result = await run('resolvers.py', [], { timeoutMs: 20_000 });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(result.stdout).toMatch(/^(ECONNREFUSED|ENETUNREACH|silence| )+\n$/);
  });

  attack('54 cloud metadata in every spelling: out of reach', {}, async ({ run }) => {
    const { stdout } = await run('metadata.py', [], { timeoutMs: 30_000 });
    expect(stdout).not.toContain('reached');
    expect(stdout).toMatch(/^[\w ]+ 11\n$/);
  });

  const network = () => ({ network: { allow: [`localhost:${portOf(listed)}`, '*.listed.test'] } });
  attack('55 past an allow-list, 90 ways: nothing is let out', network, async ({ run, sandbox }) => {
    const hosts = [listed, foreign].map((server) => `host.ripcord.internal:${portOf(server)}`);
    const result = await run('past-the-list.py', hosts, { timeoutMs: 60_000 });
    expect(result.stderr).toBe('');
    // 502: what means the sandbox itself is led back inside, where nothing listens.
    expect(result.stdout).toBe('90 400 403 502\n');
    expect(connections).toBe(0);
    const { log } = sandbox.egress!;
    expect(log.filter(({ verdict }) => verdict === 'allowed')).toEqual([]);
    expect(log.length).toBeGreaterThanOrEqual(70);
  });
});
