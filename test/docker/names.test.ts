/** Names of a sandbox without a network. */
import { expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const python = useSandbox(under);
const node = useSandbox(under, { image: 'node' });

it('knows localhost and its own name, whoever asks', async () => {
  const { stdout } = await python().exec([
    'python3',
    '-c',
    `
import socket
def ask(name): return sorted({a[4][0] for a in socket.getaddrinfo(name, 80)})
for name in ['localhost', 'LocalHost', 'a.localhost', socket.gethostname()]: print(name, '127.0.0.1' in ask(name), set(ask(name)) <= {'127.0.0.1', '::1'})
print(socket.gethostbyname('localhost'))
`,
  ]);
  expect(stdout).toBe(
    'localhost True True\nLocalHost True True\na.localhost True True\nsandbox True True\n127.0.0.1\n',
  );
});

it('lets a server listen on localhost and be found there', async () => {
  const { stdout, stderr } = await node().exec([
    'node',
    '-e',
    `require('http').createServer((_, response) => response.end('found')).listen(3000, 'localhost', async () => {
       console.log(await (await fetch('http://localhost:3000')).text()); process.exit() })`,
  ]);
  expect(stderr).toBe('');
  expect(stdout).toBe('found\n');
  await using server = await node().spawn([
    'node',
    '-e',
    `require('http').createServer((_, response) => response.end('from outside')).listen(3001, 'localhost')`,
  ]);
  expect(server.pid).toBeGreaterThan(0);
  await node().ports.waitFor(3001);
  expect(await (await node().ports.fetch(3001)).text()).toBe('from outside');
});

it('is told at once that other names do not exist', async () => {
  const { stdout } = await python().exec([
    'python3',
    '-c',
    `
import socket, time
started = time.monotonic()
for name in ['example.com', 'localhost.example.com', 'x' * 63 + '.test', 'metadata.google.internal']:
    try: print(socket.getaddrinfo(name, 80))
    except socket.gaierror as e: print(e.errno == socket.EAI_NONAME)
print(time.monotonic() - started < 2)
`,
  ]);
  expect(stdout).toBe('True\nTrue\nTrue\nTrue\nTrue\n');
});

it('answers after any amount of nonsense', async () => {
  const { stdout } = await python().exec([
    'python3',
    '-c',
    `
import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in [0, 1, 11, 12, 13, 100, 512, 1400]:
    for _ in range(300): s.sendto(os.urandom(size), ('127.0.0.1', 53))
print(socket.gethostbyname('localhost'))
`,
  ]);
  expect(stdout).toBe('127.0.0.1\n');
});
