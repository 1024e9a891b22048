/**
 * The server under load: what HTTP costs over the library, many clients that stream while sandboxes run, tasks aborted
 * meanwhile, and a good client among a thousand slow connections.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { RipcordClient } from '../../../dist/client/index.js';
import { RipcordServer } from '../../../dist/server/index.js';
import { inTurns, quantile, summary } from '../measure.mjs';

export const title = 'the server: latency, streams, aborts, slow connections';

const TOKEN = 'benchmark-benchmark-benchmark-benchmark-bench';
const MIB = 1024 * 1024;

export async function run({ context, report, quick }) {
  const manager = await context.openManager();
  const server = await RipcordServer.open(manager, {
    listen: { port: 0 },
    tokens: [{ name: 'bench', token: TOKEN }],
    callers: { maxSandboxes: 64, maxTasks: 64 },
    specs: { endless: { task: '', options: endless } },
  });
  const client = await RipcordClient.connect({ url: server.address, token: TOKEN });
  try {
    await latency(report, manager, client, quick);
    await streams(report, server, client, quick);
    await aborts(report, server, quick);
    await slowConnections(report, server, quick);
  } finally {
    await client.close();
    await server.close();
  }
}

const endless = {
  maxIterations: 1,
  branches: 1,
  output: 'live',
  sandbox: { image: 'shell' },
  propose: ({ sandbox }) => sandbox.exec('echo up; sleep 600'),
  verify: () => ({ passed: true }),
};

/** Measures one sandbox through the library and over HTTP, in turns. */
async function latency(report, manager, client, quick) {
  const remote = await client.create({ image: 'shell' });
  const local = manager.get(remote.id);
  const times = await inTurns(
    { library: () => local.exec(['true']), 'over HTTP': () => remote.exec(['true']) },
    { rounds: quick ? 100 : 500, warmup: 20 },
  );
  report.samples(times);
  await remote.close();
  const added = summary(times['over HTTP']).p50 - summary(times.library).p50;
  report.check('exec over HTTP adds, p50', added, '<=', 2, ' ms');
}

/** Every client checks each line it gets: none missing, none twice, none out of order. */
async function streams(report, server, client, quick) {
  const boxes = quick ? 5 : 20;
  const clients = quick ? 50 : 200;
  const lines = quick ? 2_000 : 20_000;
  const sandboxes = [];
  for (let made = 0; made < boxes; made++) sandboxes.push(await client.create({ image: 'shell' }));
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 50);
  const startedAt = performance.now();
  const wrong = await Promise.all(
    Array.from({ length: clients }, (_, at) => countWrong(server, sandboxes[at % boxes].id, lines)),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(watch);
  await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  report.note(
    `${clients} clients, ${boxes} sandboxes, ${lines} lines each: ${seconds.toFixed(1)} s, host RSS + ${Math.round((peak - before) / MIB)} MiB`,
  );
  const total = wrong.reduce((sum, count) => sum + count, 0);
  report.check('lines lost, doubled or out of order', total, '<=', 0);
  report.check('memory while they stream', (peak - before) / MIB, '<=', 256, ' MiB');
}

async function countWrong(server, id, lines) {
  const socket = open(server, `/v1/sandboxes/${id}/exec`);
  await once(socket, 'open');
  let expected = 1;
  let wrong = 0;
  let rest = '';
  socket.on('message', (data, binary) => {
    if (!binary) return;
    const parts = (rest + data.subarray(1).toString()).split('\n');
    rest = parts.pop();
    for (const line of parts) if (Number(line) !== expected++) wrong++;
  });
  socket.send(JSON.stringify({ type: 'start', command: ['seq', '1', String(lines)], stdin: false }));
  await once(socket, 'close');
  return wrong + Math.abs(lines + 1 - expected);
}

/** Measures the time from the abort to the answer, and to the receipt that proves the removal. */
async function aborts(report, server, quick) {
  const answered = [];
  const dead = [];
  for (let round = 0; round < (quick ? 5 : 50); round++) {
    const socket = open(server, '/ws/tasks');
    await once(socket, 'open');
    const seen = (wanted) =>
      new Promise((resolve) => {
        const look = (data) => {
          const message = JSON.parse(data);
          if (!wanted(message)) return;
          socket.off('message', look);
          resolve(message);
        };
        socket.on('message', look);
      });
    const up = seen(({ event }) => event?.type === 'output');
    socket.send(JSON.stringify({ type: 'start', spec: 'endless' }));
    await up;
    const asked = performance.now();
    const answer = seen(({ status }) => status === 'abort_requested').then(() =>
      answered.push(performance.now() - asked),
    );
    const end = seen(({ type }) => type === 'aborted').then(({ receipt }) => {
      dead.push(performance.now() - asked);
      if (!receipt.verifiedAbsent) throw new Error('a receipt says that something is left');
    });
    socket.send('{"type":"abort"}');
    await Promise.all([answer, end]);
  }
  report.samples({ 'abort → abort_requested': answered, 'abort → all of it gone': dead });
  report.check('abort → abort_requested, p99', quantile(answered, 0.99), '<=', 50, ' ms');
  report.check('abort → everything dead, p99', quantile(dead, 0.99), '<=', 1500, ' ms');
}

/** Connections that send one byte of a head at a time, for as long as they are let. */
async function slowConnections(report, server, quick) {
  const many = quick ? 300 : 1000;
  const sockets = new Set();
  const dial = () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.write('GET /healthz HTTP/1.1\r\n');
    sockets.add(socket);
  };
  for (let at = 0; at < many; at++) dial();
  await sleep(500);
  const drip = setInterval(() => {
    for (const socket of sockets) socket.write('X');
    while (sockets.size < many) dial();
  }, 1000);
  const times = [];
  const client = await RipcordClient.connect({ url: server.address, token: TOKEN });
  for (let round = 0; round < (quick ? 200 : 1000); round++) {
    const startedAt = performance.now();
    await client.tasks.specs();
    times.push(performance.now() - startedAt);
    await sleep(10);
  }
  clearInterval(drip);
  for (const socket of sockets) socket.destroy();
  await client.close();
  report.samples({ [`a request among ${many} slow connections`]: times });
  report.check('a good client, p99', quantile(times, 0.99), '<=', 200, ' ms');
}

const open = (server, path) =>
  new WebSocket(server.address.replace('http', 'ws') + path, 'ripcord', {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
