/**
 * The subjects in which two builds of the library are compared. A subject opens its sandboxes with one build and returns the
 * function that is timed. A round of one build is followed by a round of the other.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { timed } from '../measure.mjs';
import { execIn, freshSandboxes, outputOf } from '../ripcord.mjs';
import { readPrograms, runSuite } from '../suite.mjs';

const MIB = 1024 ** 2;
const SENT_MIB = 128;
const CHUNK = Buffer.alloc(MIB, 'x');
const AT_ONCE = 4;

/** @typedef {{ rounds: number, open: (manager: object) => Promise<{ once: () => Promise<unknown>, close?: () => unknown }> }} Subject */

/** @type {Record<string, { manager?: object, measures: Record<string, Subject> }>} */
export const SUBJECTS = {
  exec: {
    measures: {
      'exec of true': { rounds: 300, open: inSandbox((sandbox) => execIn(sandbox, ['true'])) },
      'runCode of pass': { rounds: 60, open: inSandbox((sandbox) => python(sandbox, 'pass', false)) },
    },
  },
  warm: {
    manager: { pool: [{ image: 'python', size: 2 }] },
    measures: {
      'a sandbox of the pool → first output': {
        rounds: 120,
        open: async (manager) => ({ once: () => claim(manager) }),
      },
      'runCode in a warm python': {
        rounds: 100,
        open: inSandbox(
          (sandbox) => python(sandbox, 'pass', true),
          { warm: true },
          (sandbox) => sandbox.warmUp(),
        ),
      },
    },
  },
  reuse: { measures: { 'reset and reuse': { rounds: 100, open: reused } } },
  cold: {
    measures: {
      'create → first output → gone': {
        rounds: 30,
        open: async (manager) => ({ once: () => freshSandboxes(manager)(['echo', 'hello']) }),
      },
    },
  },
  humaneval: { measures: { 'HumanEval, a fresh sandbox for each program': { rounds: 3, open: humanEval } } },
  network: {
    measures: {
      [`${SENT_MIB} MiB into the sandbox by egress`]: {
        rounds: 8,
        open: egress((url) => `curl -sS ${url} -o /dev/null`),
      },
      [`${SENT_MIB} MiB out of the sandbox by egress`]: {
        rounds: 8,
        open: egress((url) => `head -c ${SENT_MIB * MIB} /dev/zero | curl -sS -T - ${url} -o /dev/null`),
      },
      [`${SENT_MIB} MiB through a forwarded port`]: { rounds: 8, open: forwarded },
    },
  },
};

export const COMPARED = Object.keys(SUBJECTS);

function inSandbox(work, options = {}, prepare = async () => {}) {
  return async (manager) => {
    const sandbox = await manager.create({ image: 'python', ...options });
    await prepare(sandbox);
    return { once: () => work(sandbox), close: () => sandbox.close() };
  };
}

async function python(sandbox, code, warm) {
  outputOf(await sandbox.runCode(code, { language: 'python', warm }));
}

async function claim(manager) {
  await manager.poolFilled();
  let sandbox;
  const ms = await timed(async () => {
    sandbox = await manager.create({ image: 'python' });
    await execIn(sandbox, ['echo', 'hello']);
  });
  await sandbox.close();
  // The other build is not measured beside the making of the next one.
  await manager.poolFilled();
  return ms;
}

async function reused(manager) {
  const create = () => manager.create({ image: 'python', reuse: true });
  let sandbox = await create();
  return {
    once: async () => {
      await sandbox.exec('echo secret > file; mkdir -p /tmp/left');
      return timed(async () => {
        const { reuse } = await sandbox.close();
        if (!reuse?.recycled) throw new Error(`not reused: ${reuse?.reason}`);
        sandbox = await create();
      });
    },
    close: () => sandbox.close(),
  };
}

async function humanEval(manager) {
  const programs = await readPrograms();
  const fresh = freshSandboxes(manager);
  return { once: () => runSuite(programs, AT_ONCE, ({ argv }) => fresh(argv)) };
}

function egress(line) {
  return async (manager) => {
    const server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    const sandbox = await manager.create({ image: 'shell', network: { allow: [`localhost:${port}`] } });
    // A build reaches the host's port by the name that it has for it.
    const named = await sandbox.exec(`curl -sfI http://host.ripcord.internal:${port}/`);
    const host = named.exitCode === 0 ? 'host.ripcord.internal' : 'localhost';
    return {
      once: async () => void outputOf(await sandbox.exec(line(`http://${host}:${port}/`))),
      close: async () => {
        await sandbox.close();
        server.closeAllConnections();
        server.close();
      },
    };
  };
}

async function serve(request, response) {
  if (request.method === 'GET') {
    for (let i = 0; i < SENT_MIB; i++) if (!response.write(CHUNK)) await once(response, 'drain');
  } else {
    for await (const _ of request);
  }
  response.end();
}

/** Answers each connection with the bytes. */
const SENDER = `
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', 8000)); s.listen(8)
while True:
    c = s.accept()[0]
    try:
        if c.recv(1):
            for _ in range(${SENT_MIB}): c.sendall(b'x' * ${MIB})
    except OSError: pass
    c.close()
`;

async function forwarded(manager) {
  const sandbox = await manager.create({ image: 'python' });
  await sandbox.spawn(['python3', '-c', SENDER]);
  await sandbox.ports.waitFor(8000);
  const forward = await sandbox.ports.forward(8000);
  return {
    once: async () => {
      let bytes = 0;
      const socket = connect(forward.localPort, '127.0.0.1');
      socket.write('d');
      for await (const chunk of socket) bytes += chunk.length;
      if (bytes !== SENT_MIB * MIB) throw new Error(`${bytes} bytes came`);
    },
    close: () => sandbox.close(),
  };
}
