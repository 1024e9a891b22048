/** Throughput and latency of network traffic through the pipe: bytes out through the proxy, bytes to and from a port inside, refusals. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { median } from '../measure.mjs';
import { digits } from '../report.mjs';

export const title = 'Network through the pipe: egress, a forwarded port, refusals';

const MIB = 1024 * 1024;
const CHUNK = Buffer.alloc(MIB, 'x');
const CONNECTIONS = 100;

export async function run({ context, report, quick }) {
  const mebibytes = quick ? 64 : 512;
  const rounds = quick ? 2 : 5;
  const server = createServer((request, response) => void serve(request, response, mebibytes)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const manager = await context.openManager();
  // Two processes for each connection to a port, and one of the server's threads.
  const inside = await manager.create({ limits: { pids: 4 * CONNECTIONS } });
  const sandbox = await manager.create({ image: 'shell', network: { allow: [`localhost:${port}`] } });
  try {
    const down = await rates(rounds, mebibytes, () =>
      succeed(sandbox.exec(`curl -sS http://localhost:${port}/ -o /dev/null`)),
    );
    const up = await rates(rounds, mebibytes, () =>
      succeed(
        sandbox.exec(`head -c ${mebibytes * MIB} /dev/zero | curl -sS -T - http://localhost:${port}/ -o /dev/null`),
      ),
    );
    const forward = await inside.ports.forward(8000, { maxConnections: CONNECTIONS });
    await inside.spawn(['python3', '-c', SERVER(mebibytes)]);
    await inside.ports.waitFor(8000);
    const forwarded = await rates(rounds, mebibytes, () => drain(forward.localPort));
    const refusals = await refusalTimes(sandbox, quick ? 50 : 300);
    const rate = { 'egress, to the sandbox': down, 'egress, from the sandbox': up, 'a forwarded port': forwarded };
    report.samples(rate, { title: `${mebibytes} MiB a time`, unit: 'MB/s' });
    report.samples({ 'a refused CONNECT, seen inside': refusals });
    for (const [what, values] of Object.entries(rate)) report.check(what, median(values), '>=', 50, ' MB/s');
    report.check('a refusal, p50', median(refusals), '<=', 20, ' ms');
    report.check('forwarded connections at once', await atOnce(forward.localPort), '>=', CONNECTIONS);
    report.headline(
      'egress to and from a sandbox, and a forwarded port',
      `${Object.values(rate)
        .map((values) => digits(median(values)))
        .join(' / ')} MB/s`,
      '',
    );
  } finally {
    await Promise.all([inside.close(), sandbox.close()]);
    server.closeAllConnections();
    server.close();
  }
}

async function serve(request, response, mebibytes) {
  if (request.method === 'GET') {
    for (let i = 0; i < mebibytes; i++) if (!response.write(CHUNK)) await once(response, 'drain');
  } else {
    for await (const _ of request);
  }
  response.end();
}

/** Each connection gets the bytes; with a second one open at the same time the first is served all the same. */
const SERVER = (mebibytes) => `
import socket, threading
chunk = b'x' * ${MIB}
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', 8000)); s.listen(128)
def serve(c):
    try:
        if c.recv(1) == b'd':
            for _ in range(${mebibytes}): c.sendall(chunk)
        else:
            c.sendall(b'!'); c.recv(1)
    except OSError: pass
    c.close()
while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
`;

/** MB/s of each round. */
async function rates(rounds, mebibytes, transfer) {
  const found = [];
  for (let round = -1; round < rounds; round++) {
    const startedAt = performance.now();
    await transfer();
    if (round >= 0) found.push((mebibytes * MIB) / 1000 / (performance.now() - startedAt));
  }
  return found;
}

async function succeed(running) {
  const { exitCode, stderr } = await running;
  if (exitCode !== 0) throw new Error(stderr);
}

async function drain(port) {
  const socket = connect(port, '127.0.0.1');
  socket.write('d');
  for await (const _ of socket);
}

/** Milliseconds each, measured by the client. */
async function refusalTimes(sandbox, rounds) {
  // Bash's own TCP: nothing is started for a request.
  const { stdout } = await sandbox.exec([
    'bash',
    '-c',
    `proxy=\${HTTPS_PROXY#http://}; for i in $(seq ${rounds}); do
      a=\${EPOCHREALTIME/./}; exec 3<>/dev/tcp/\${proxy/:/\\/}; printf 'CONNECT not.listed.test:443 HTTP/1.1\\r\\n\\r\\n' >&3
      read -r line <&3; b=\${EPOCHREALTIME/./}; exec 3<&-; echo $((b - a)) "$line"; done`,
  ]);
  const lines = stdout.trim().split('\n');
  if (!lines.every((line) => line.includes(' 403 '))) throw new Error(`not refused: ${lines[0]}`);
  return lines.map((line) => Number(line.split(' ')[0]) / 1000);
}

/** How many connections answer while all of them are open. */
async function atOnce(port) {
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(port, '127.0.0.1'));
  const answers = sockets.map(async (socket) => {
    socket.write('o');
    const [byte] = await once(socket, 'data');
    return byte.toString() === '!';
  });
  const answered = (await Promise.allSettled(answers)).filter(({ value }) => value === true).length;
  for (const socket of sockets) socket.destroy();
  return answered;
}
