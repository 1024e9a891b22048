/**
 * Without a network each sandbox has a namespace of its own, new and empty: the engine attaches nothing
 * (docs/internals/engine-cost.md), the runtime still makes one. Nothing crosses, neither between two at a time nor from one to the
 * next.
 */
import { readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Sandbox } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { Output, useManager } from '../helpers/sandbox.js';

const under = useManager();

const NAMESPACE = `
import json, os, socket
read = lambda path: open(path).read().splitlines() if os.path.exists(path) else []
print(json.dumps({
    'inode': os.readlink('/proc/self/ns/net'),
    'interfaces': [name for _, name in socket.if_nameindex()],
    'routes': read('/proc/net/route')[1:],
    'routes6': sorted({line.split()[-1] for line in read('/proc/net/ipv6_route')}),
    'sockets': [line.split()[1] for line in read('/proc/net/tcp')[1:] if line.split()[3] == '0A'],
    'abstract': [line.split()[-1] for line in read('/proc/net/unix')[1:] if '@' in line],
}))
`;

interface Namespace {
  inode: string;
  interfaces: string[];
  routes: string[];
  routes6: string[];
  sockets: string[];
  abstract: string[];
}

async function namespaceOf(sandbox: Sandbox): Promise<Namespace> {
  return JSON.parse((await sandbox.exec(['python3', '-c', NAMESPACE])).stdout);
}

const PORT = 7777;
const LISTEN = `
import socket, signal
tcp, name = socket.create_server(('127.0.0.1', ${PORT})), socket.socket(socket.AF_UNIX)
name.bind('\\0ripcord-test')
name.listen()
print('listening', flush=True)
signal.pause()
`;

/** The errno of a connection to the port and to the abstract name, 0 for one that worked. */
async function reach(sandbox: Sandbox, port = PORT): Promise<[tcp: string, name: string]> {
  const script = `
import errno, socket
for family, address in ((socket.AF_INET, ('127.0.0.1', ${port})), (socket.AF_UNIX, '\\0ripcord-test')):
    code = socket.socket(family).connect_ex(address)
    print(errno.errorcode.get(code, code))
`;
  return (await sandbox.exec(['python3', '-c', script])).stdout.trim().split('\n') as [string, string];
}

async function listen(sandbox: Sandbox): Promise<void> {
  const output = new Output();
  const server = await sandbox.spawn(['python3', '-c', LISTEN]);
  server.stdout.on('data', output.take);
  server.stderr.resume();
  await output.seen('listening');
}

describe('the network of a sandbox', () => {
  it('is a namespace of its own with nothing in it, and nothing gets from one to another', async () => {
    await using first = await under.manager.create();
    await using second = await under.manager.create();
    await listen(first);
    // The socket can be reached within the same namespace.
    expect(await reach(first)).toEqual(['0', '0']);
    expect(await reach(second)).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);

    const [one, two] = await Promise.all([namespaceOf(first), namespaceOf(second)]);
    for (const namespace of [one, two]) {
      expect(namespace).toMatchObject({ interfaces: ['lo'], routes: [] });
      expect(namespace.routes6.filter((device) => device !== 'lo')).toEqual([]);
    }
    expect(new Set([one.inode, two.inode, readlinkSync('/proc/self/ns/net')]).size).toBe(3);
    expect(one.sockets).toContain(`0100007F:${PORT.toString(16).toUpperCase()}`);
    expect(one.abstract).toContain('@ripcord-test');
    expect([two.sockets, two.abstract]).toEqual([[], []]);

    // The next sandbox finds no trace of it.
    await first.close();
    await using third = await under.manager.create();
    expect(await reach(third)).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
    await listen(third);
    expect(await reach(third)).toEqual(['0', '0']);
  });

  it('has no way to a port of the host', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await using sandbox = await under.manager.create();
      const { port } = server.address() as { port: number };
      expect((await reach(sandbox, port))[0]).toBe('ECONNREFUSED');
    } finally {
      server.close();
    }
  });
});
