import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { RipcordError, type Sandbox, TaskAbortedError } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);

/**
 * Echoes the body of the request. `/gone` answers with nothing at all, `/slow` with a body that never ends, `/early` before
 * it reads the request; `/torn` reads a part of it and closes the connection.
 */
const HTTP = `
import http.server, socketserver, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *args): pass
    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.send_header('Set-Cookie', 'a=1')
        self.send_header('Set-Cookie', 'b=2')
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(body)
    def do_GET(self):
        if self.path == '/gone': self.close_connection = True; return
        if self.path == '/moved': self.send_response(302); self.send_header('Location', 'http://example.com/'); self.send_header('Content-Length', '0'); self.end_headers(); return
        if self.path == '/slow':
            self.send_response(200); self.end_headers()
            while True: self.wfile.write(b'x'); self.wfile.flush(); time.sleep(0.05)
        self.answer(f'{self.command} {self.path} {self.headers["Host"]}'.encode(), 404 if self.path == '/none' else 200)
    do_HEAD = do_GET
    def do_POST(self):
        if self.path == '/torn': self.rfile.read(1000); self.close_connection = True; return
        if self.path == '/early': self.answer(b'no more', 413); self.wfile.flush()
        left = int(self.headers.get('Content-Length') or 0)
        data = b''
        if left: data = self.rfile.read(left)
        else:
            while (size := int(self.rfile.readline(), 16)): data += self.rfile.read(size); self.rfile.readline()
            self.rfile.readline()
        if self.path != '/early': self.answer(data)
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
Server(('127.0.0.1', 8000), Handler).serve_forever()
`;

/** Sends back what it gets, and says how much that was once the other side has ended. */
const ECHO = `
import socket, threading
server = socket.socket(socket.AF_INET6)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('::1', 8001))
server.listen(128)
def serve(s):
    total = 0
    while (data := s.recv(65536)): total += len(data); s.sendall(data)
    s.sendall(b'=%d' % total); s.close()
while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
`;

/** Speaks just enough of WebSockets to turn a short text round. */
const WEBSOCKET = `
import base64, hashlib, socket
server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('0.0.0.0', 8002)); server.listen()
while True:
    s = server.accept()[0]
    head = b''
    while b'\\r\\n\\r\\n' not in head and (data := s.recv(4096)): head += data
    if not head: continue
    key = [line.split(b': ')[1] for line in head.split(b'\\r\\n') if line.lower().startswith(b'sec-websocket-key')][0]
    accept = base64.b64encode(hashlib.sha1(key + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest())
    s.sendall(b'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + b'\\r\\n\\r\\n')
    frame = s.recv(4096)
    mask, data = frame[2:6], frame[6:6 + (frame[1] & 127)]
    text = bytes(b ^ mask[i % 4] for i, b in enumerate(data))[::-1]
    s.sendall(bytes([0x81, len(text)]) + text)
`;

/** Starts a server in the shared sandbox, once. */
const started = new Map<string, Promise<void>>();
function serve(source: string, port: number): Promise<void> {
  const running = started.get(source) ?? start(sandbox(), source, port);
  started.set(source, running);
  return running;
}
async function start(where: Sandbox, source: string, port: number): Promise<void> {
  const server = await where.spawn(['python3', '-c', source]);
  server.stderr.resume();
  await where.ports.waitFor(port);
}

const processes = async (): Promise<number> => (await sandbox().stats()).pids ?? Number.NaN;
const PATIENCE = { timeout: 10_000 };

/** Once those of connections that just ended are gone: the same number for half a second. */
async function settledProcesses(): Promise<number> {
  for (let last = await processes(); ; ) {
    const seen: number[] = [];
    for (let look = 0; look < 5; look++) {
      await sleep(100);
      seen.push(await processes());
    }
    if (seen.every((count) => count === last)) return last;
    last = seen.at(-1)!;
  }
}

describe('ports.fetch', () => {
  it('asks a server in a sandbox without any network', async () => {
    await serve(HTTP, 8000);
    expect((await sandbox().exec('ls /sys/class/net')).stdout).toBe('lo\n');
    const response = await sandbox().ports.fetch(8000, '/a?b=c');
    expect([response.status, await response.text()]).toEqual([200, 'GET /a?b=c localhost:8000']);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it('passes methods, headers, bodies and statuses', async () => {
    await serve(HTTP, 8000);
    const { ports } = sandbox();
    expect((await ports.fetch(8000, '/none')).status).toBe(404);
    const head = await ports.fetch(8000, '/', { method: 'HEAD' });
    expect([head.headers.get('content-length'), await head.text()]).toEqual(['21', '']);
    const posted = await ports.fetch(8000, '/', { method: 'POST', body: JSON.stringify({ a: 'ü' }) });
    expect(await posted.json()).toEqual({ a: 'ü' });
    const large = randomBytes(5_000_000);
    const echoed = await ports.fetch(8000, '/', { method: 'POST', body: large });
    expect(Buffer.from(await echoed.arrayBuffer()).equals(large)).toBe(true);
  });

  it('follows no redirect', async () => {
    await serve(HTTP, 8000);
    const { status, headers } = await sandbox().ports.fetch(8000, '/moved');
    expect([status, headers.get('location')]).toEqual([302, 'http://example.com/']);
  });

  it('says so when nothing listens, or no answer comes', async () => {
    await serve(HTTP, 8000);
    const refused = await sandbox()
      .ports.fetch(9)
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'port-refused', message: 'Nothing listens on port 9 in the sandbox' });
    await expect(sandbox().ports.fetch(8000, '/gone')).rejects.toThrow('socket hang up');
    await expect(sandbox().ports.fetch(0)).rejects.toThrow(/ports\.fetch: port: .*\(got 0\)/);
  });

  it('takes an answer that comes before the end of the body, and survives a server that goes in its midst', async () => {
    await serve(HTTP, 8000);
    let answered!: () => void;
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    async function* untilAnswered() {
      yield Buffer.from('begun');
      await answer;
      yield Buffer.from('ended');
    }
    const streamed = (body: AsyncIterable<Uint8Array>) => ({
      method: 'POST',
      body: body as never,
      duplex: 'half' as const,
    });
    const early = await sandbox().ports.fetch(8000, '/early', streamed(untilAnswered()));
    answered();
    expect([early.status, await early.text()]).toEqual([413, 'no more']);

    const post = { method: 'POST', body: randomBytes(8_000_000) };
    await expect(sandbox().ports.fetch(8000, '/torn', post)).rejects.toThrow(/socket hang up|EPIPE|ECONNRESET|closed/);
    async function* broken() {
      yield Buffer.from('begun');
      throw new Error('the source broke');
    }
    await expect(sandbox().ports.fetch(8000, '/', streamed(broken()))).rejects.toThrow('the source broke');
    expect((await sandbox().ports.fetch(8000, '/')).status).toBe(200);
  });

  it('ends with its signal, also while the body comes, and leaves no process', async () => {
    await serve(HTTP, 8000);
    await expect(sandbox().ports.fetch(8000, '/', { signal: AbortSignal.abort() })).rejects.toThrow(TaskAbortedError);
    const before = await settledProcesses();
    const controller = new AbortController();
    const response = await sandbox().ports.fetch(8000, '/slow', { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    await expect(response.text()).rejects.toThrow();
    await expect.poll(processes, PATIENCE).toBe(before);
  });
});

describe('ports.waitFor', () => {
  it('waits until a server is there', async () => {
    const late = ECHO.replace('import socket, threading', 'import socket, threading, time\ntime.sleep(0.5)').replace(
      '8001',
      '8011',
    );
    await sandbox().spawn(['python3', '-c', late]);
    await sandbox().ports.waitFor(8011);
    (await sandbox().ports.connect(8011)).destroy();
  });

  it('gives up in time, and on abort', async () => {
    await expect(sandbox().ports.waitFor(9, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'port-refused',
      message: 'Nothing listened on port 9 within 100 ms',
    });
    const signal = AbortSignal.timeout(150);
    await expect(sandbox().ports.waitFor(9, { signal })).rejects.toThrow(TaskAbortedError);
  });
});

describe('ports.connect', () => {
  it('is a stream whose ends are independent', async () => {
    await serve(ECHO, 8001);
    const connection = await sandbox().ports.connect(8001);
    connection.end('hello');
    expect(await text(connection)).toBe('hello=5');
  });

  it('carries 20 MiB each way, slow readers included', async () => {
    await serve(ECHO, 8001);
    const connection = await sandbox().ports.connect(8001);
    const sent = randomBytes(20 * 1024 * 1024);
    connection.write(sent);
    connection.end();
    await sleep(300);
    const got = await buffer(connection);
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(hash(got.subarray(0, sent.length))).toBe(hash(sent));
    expect(got.subarray(sent.length).toString()).toBe(`=${sent.length}`);
  });

  it('ends its process in the sandbox when it is destroyed', async () => {
    await serve(ECHO, 8001);
    const before = await settledProcesses();
    const connections = await Promise.all(Array.from({ length: 5 }, () => sandbox().ports.connect(8001)));
    // A keeper and the connection each; and a thread of the server's.
    await expect.poll(processes, PATIENCE).toBe(before + 15);
    for (const connection of connections) connection.destroy();
    await expect.poll(processes, PATIENCE).toBe(before);
  });
});

describe('ports.forward', () => {
  it('is a port of this machine for any HTTP client, many connections at once', async () => {
    await serve(HTTP, 8000);
    await using forward = await sandbox().ports.forward(8000);
    expect(forward.url).toBe(`http://127.0.0.1:${forward.localPort}`);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => fetch(`${forward.url}/${i}`).then((r) => r.text())),
    );
    expect(answers).toEqual(answers.map((_, i) => `GET /${i} 127.0.0.1:${forward.localPort}`));
  });

  it('passes WebSockets', async () => {
    await serve(WEBSOCKET, 8002);
    await using forward = await sandbox().ports.forward(8002);
    const socket = new WebSocket(forward.url.replace('http', 'ws'));
    await once(socket, 'open');
    socket.send('stressed');
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect(message.toString()).toBe('desserts');
    socket.terminate();
  });

  it('passes half-closed connections, and resets those to nothing', async () => {
    await serve(ECHO, 8001);
    await using forward = await sandbox().ports.forward(8001);
    const socket = connect({ port: forward.localPort, host: forward.host, allowHalfOpen: true });
    socket.end('over');
    expect(await text(socket)).toBe('over=4');
    await using nowhere = await sandbox().ports.forward(9);
    const refused = connect(nowhere.localPort, nowhere.host);
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });

  it('keeps to its limit of connections', async () => {
    await serve(ECHO, 8001);
    await using forward = await sandbox().ports.forward(8001, { maxConnections: 1 });
    const first = connect(forward.localPort, forward.host);
    first.write('x');
    await once(first, 'data');
    expect(forward.connections).toBe(1);
    const second = connect(forward.localPort, forward.host);
    second.on('error', () => {});
    await once(second, 'close');
    first.destroy();
  });

  it('ends with close(), with its signal and with its sandbox, connections included', async () => {
    const own = await under.manager.create();
    await start(own, ECHO, 8001);
    const controller = new AbortController();
    const forwards = await Promise.all([
      own.ports.forward(8001),
      own.ports.forward(8001, { signal: controller.signal }),
      own.ports.forward(8001),
    ]);
    const sockets = await Promise.all(
      forwards.map(async ({ localPort, host }) => {
        const socket = connect(localPort, host);
        socket.on('error', () => {});
        socket.write('x');
        await once(socket, 'data');
        return { closed: once(socket, 'close') };
      }),
    );
    await forwards[0]!.close();
    await forwards[0]!.close();
    controller.abort();
    await own.close();
    await Promise.all(sockets.map(({ closed }) => closed));
    for (const { localPort, host } of forwards) {
      const [error] = (await once(connect(localPort, host), 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNREFUSED');
    }
    await expect(own.ports.forward(8001)).rejects.toThrow(RipcordError);
  });

  it('says what is wrong with its options', async () => {
    await expect(sandbox().ports.forward(70_000)).rejects.toThrow(/ports\.forward: port: .*70000/);
    await expect(sandbox().ports.forward(80, { localport: 1 } as never)).rejects.toThrow("did you mean 'localPort'?");
    await expect(sandbox().ports.forward(80, { host: '203.0.113.1' })).rejects.toThrow('EADDRNOTAVAIL');
  });
});
