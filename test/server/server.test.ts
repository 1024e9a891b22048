/** The server with valid calls: tasks and their events, ports, the OpenAPI document, shutdown. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { createJiti } from 'jiti';
import { RipcordClient } from 'ripcord-sandbox/client';
import { generateApi } from 'swagger-typescript-api';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { makeTempDir } from '../helpers/fixtures.js';
import { countProcesses, useManager } from '../helpers/sandbox.js';
import { Messages, OTHER_TOKEN, TOKEN, useServer } from '../helpers/server.js';

const target = await makeTempDir('target');
const under = useManager();
const loop = (line: string, more: object = {}) => ({
  task: 'own',
  options: {
    maxIterations: 1,
    branches: 2,
    output: 'live',
    sandbox: { image: 'shell' },
    propose: async ({ sandbox, task }: { sandbox: { exec(line: string): Promise<unknown> }; task: string }) => {
      await sandbox.exec(line);
      return task;
    },
    verify: async () => ({ passed: true }),
    ...more,
  },
});
const served = useServer(under, {
  specs: {
    quick: loop('echo one; echo two'),
    endless: loop('echo up; sleep 600444'),
    commit: loop('echo new > made.txt', { branches: 1, target: target.path, commitMode: 'manual' }),
  } as never,
});
const ids = (messages: Messages) =>
  messages.all.flatMap((message) => ('type' in message && message.type === 'event' ? [message.id as number] : []));

describe('a task over its WebSocket', () => {
  it('is started, followed and ended, every event once and in order', async () => {
    const messages = new Messages(served.socket('/ws/tasks'));
    await once(messages.socket, 'open');
    messages.send({ type: 'start', spec: 'quick', task: 'given' });
    const { id } = await messages.next(({ type }) => type === 'started');
    const end = await messages.next(({ type }) => type === 'completed');
    expect(end.result).toMatchObject({ status: 'accepted', winner: { proposal: 'given' } });
    expect(end.receipt).toMatchObject({ sandboxes: 4, verifiedAbsent: true });
    const seen = ids(messages);
    expect(seen).toEqual(seen.map((_, at) => at + 1));
    // Who comes later gets the same, from any point on.
    const late = new Messages(served.socket('/ws/tasks'));
    await once(late.socket, 'open');
    late.send({ type: 'attach', id, lastEventId: 5 });
    expect(await late.next(({ type }) => type === 'completed')).toEqual(end);
    expect(ids(late)).toEqual(seen.slice(5));
  });

  it('answers an abort at once, then with the receipt; nothing is left', async () => {
    const messages = new Messages(served.socket('/ws/tasks'));
    await once(messages.socket, 'open');
    messages.send({ type: 'start', spec: 'endless' });
    await messages.next(({ event }) => event?.type === 'output');
    messages.send({ type: 'abort' });
    await messages.next(({ status }) => status === 'abort_requested');
    const end = await messages.next(({ type }) => type === 'aborted');
    expect(end.receipt).toMatchObject({ verifiedAbsent: true });
    expect(end.result.status).toBe('aborted');
    expect(under.manager.list()).toEqual([]);
  });

  it('is aborted when the socket closes, unless it is detached', async () => {
    for (const detached of [false, true]) {
      const messages = new Messages(served.socket('/ws/tasks'));
      await once(messages.socket, 'open');
      messages.send({ type: 'start', spec: 'endless', detached });
      const { id } = await messages.next(({ type }) => type === 'started');
      await messages.next(({ event }) => event?.type === 'output');
      messages.socket.terminate();
      if (detached) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect((await served.call('GET', `/v1/tasks/${id}`)).body.state).toBe('running');
        expect((await served.call('POST', `/v1/tasks/${id}/abort`)).body).toEqual({ status: 'abort_requested' });
      }
      await expect
        .poll(async () => (await served.call('GET', `/v1/tasks/${id}`)).body.state, { timeout: 10_000 })
        .toBe('aborted');
      await expect.poll(async () => (await served.call('GET', `/v1/tasks/${id}/result`)).status).toBe(200);
    }
  });
});

describe('a task over HTTP', () => {
  it('tells its events to readers that come back', async () => {
    await using client = await served.client();
    const { id } = await client.tasks.start('quick');
    const first: number[] = [];
    for await (const event of client.tasks.events(id)) if (first.push(event.id) === 3) break;
    const rest: number[] = [];
    const events = client.tasks.events(id, { after: 3 });
    let step = await events.next();
    for (; !step.done; step = await events.next()) rest.push(step.value.id);
    expect(step.value).toMatchObject({ type: 'completed', receipt: { verifiedAbsent: true } });
    expect([...first, ...rest]).toEqual([...first, ...rest].map((_, at) => at + 1));
    expect(
      (await served.call('GET', `/v1/tasks/${id}`, undefined, { authorization: `Bearer ${OTHER_TOKEN}` })).status,
    ).toBe(404);
  });

  it('commits what was approved, and shows it before', async () => {
    await using client = await served.client();
    const { id } = await client.tasks.start('commit');
    await expect.poll(async () => (await client.tasks.status(id)).awaitsApproval, { timeout: 20_000 }).toBe(true);
    const approval = await client.tasks.approval(id);
    expect(approval.diff).toContain('+new');
    await client.tasks.answer(id, { approve: true });
    await expect.poll(async () => (await client.tasks.status(id)).state, { timeout: 20_000 }).toBe('accepted');
    expect(readFileSync(join(target.path, 'made.txt'), 'utf8')).toBe('new\n');
    await target.remove();
  });
});

describe('what a sandbox serves', () => {
  let id: string;
  beforeAll(async () => {
    id = (await served.call('POST', '/v1/sandboxes', { image: 'python' })).body.id;
    const code = `
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith('/away'):
            self.send_response(302); self.send_header('Location', '/elsewhere'); self.end_headers(); return
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(200)
        for name, value in {'Set-Cookie': 'a=b', 'Service-Worker-Allowed': '/', 'Access-Control-Allow-Origin': '*',
            'Content-Security-Policy': 'default-src *', 'Clear-Site-Data': '"*"', 'Connection': 'X-Hop', 'X-Hop': '1', 'X-Own': '2',
            'Content-Length': str(len(body))}.items(): self.send_header(name, value)
        self.end_headers(); self.wfile.write(body)
    def do_POST(self):
        n = int(self.headers.get('Content-Length', 0)); got = 0
        while got < n: got += len(self.rfile.read(min(65536, n - got)))
        self.send_response(200); self.end_headers(); self.wfile.write(str(got).encode())
http.server.ThreadingHTTPServer(('127.0.0.1', 8000), Handler).serve_forever()`;
    await served.call('POST', `/v1/sandboxes/${id}/commands`, { command: ['python3', '-c', code] });
    await using client = await served.client();
    await (await client.get(id))!.ports.waitFor(8000);
  });

  it('is passed on without anything that has power here', async () => {
    const { status, headers, body } = await served.call('GET', `/v1/sandboxes/${id}/ports/8000/a?b=c`, undefined, {
      cookie: 'session=1',
      'x-forwarded-for': '1.2.3.4',
    });
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toMatch(/^sandbox (?!.*allow-same-origin)/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-own')).toBe('2');
    for (const name of [
      'set-cookie',
      'service-worker-allowed',
      'access-control-allow-origin',
      'clear-site-data',
      'x-hop',
    ]) {
      expect(headers.get(name), name).toBeNull();
    }
    const inside = Object.keys(body).map((name) => name.toLowerCase());
    for (const name of ['authorization', 'cookie', 'x-forwarded-for']) expect(inside).not.toContain(name);
    expect(body.host).toBe('localhost:8000');
    const away = await served.call('GET', `/v1/sandboxes/${id}/ports/8000/away`);
    expect(away.headers.get('location')).toBe(`/v1/sandboxes/${id}/ports/8000/elsewhere`);
  });

  it('is found where the address lost its last slash, and relative links with it', async () => {
    const { path } = (await served.call('POST', `/v1/sandboxes/${id}/previews`, { port: 8000 })).body;
    for (const [address, headers] of [
      [path.slice(0, -1), { authorization: '' }],
      [`/v1/sandboxes/${id}/ports/8000`, {}],
    ] as const) {
      const { status, headers: answered } = await served.call('GET', `${address}?a=b?c`, undefined, headers);
      expect([status, answered.get('location')]).toEqual([308, `${address}/?a=b?c`]);
      expect((await served.call('GET', answered.get('location')!, undefined, headers)).status).toBe(200);
    }
    expect((await served.call('GET', '/p/none', undefined, { authorization: '' })).status).toBe(404);
    const stranger = { authorization: '' };
    expect((await served.call('GET', `/v1/sandboxes/${id}/ports/8000`, undefined, stranger)).status).toBe(401);
  });

  it('takes bodies of any length, as a stream', async () => {
    const bytes = Buffer.alloc(3_000_000);
    const url = `${served.url}/v1/sandboxes/${id}/ports/8000/`;
    const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` }, body: bytes });
    expect(await answer.text()).toBe('3000000');
  });

  it('is passed on over WebSockets, with what came in the same breath and without the token', async () => {
    const code = `
import base64, hashlib, socket
server = socket.socket(); server.bind(('127.0.0.1', 8001)); server.listen()
while True:
    s = server.accept()[0]; head = b''
    while b'\\r\\n\\r\\n' not in head and (data := s.recv(4096)): head += data
    if not head: continue
    key = [line.split(b': ')[1] for line in head.split(b'\\r\\n') if line.lower().startswith(b'sec-websocket-key')][0]
    accept = base64.b64encode(hashlib.sha1(key + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest())
    text = b'leaked' if b'earer' in head else b'clean'
    s.sendall(b'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + b'\\r\\n\\r\\n' + bytes([0x81, len(text)]) + text)
    frame = s.recv(4096); mask, data = frame[2:6], frame[6:6 + (frame[1] & 127)]
    back = bytes(b ^ mask[i % 4] for i, b in enumerate(data))[::-1]
    s.sendall(bytes([0x81, len(back)]) + back)`;
    await served.call('POST', `/v1/sandboxes/${id}/commands`, { command: ['python3', '-c', code] });
    await using client = await served.client();
    await (await client.get(id))!.ports.waitFor(8001);
    const warnings: string[] = [];
    const warn = (warning: Error) => warnings.push(String(warning));
    process.on('warning', warn);
    onTestFinished(() => void process.off('warning', warn));
    const url = `${served.url.replace('http', 'ws')}/v1/sandboxes/${id}/ports/8001/`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${TOKEN}` } });
    const first = once(socket, 'message') as Promise<[Buffer]>;
    await once(socket, 'open');
    expect(String((await first)[0])).toBe('clean');
    socket.send('stressed');
    expect(String(((await once(socket, 'message')) as [Buffer])[0])).toBe('desserts');
    socket.terminate();
    // A connection has its owner's listeners, and those of both directions.
    expect(warnings).toEqual([]);
  });

  it('cannot reach the server, whatever it is allowed', async () => {
    const { port } = served;
    const line = `python3 -c "import socket; socket.create_connection(('127.0.0.1', ${port}), 2)"`;
    expect((await served.call('POST', `/v1/sandboxes/${id}/exec`, { command: line })).body.exitCode).not.toBe(0);
    // Even what the operator's own program allows does not lead here.
    const allow = [
      `localhost:${port}`,
      `127.0.0.1:${port}`,
      `[::1]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      `0.0.0.0:${port}`,
    ];
    await using sandbox = await under.manager.create({ image: 'shell', network: { allow } });
    for (const host of ['localhost', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0']) {
      const { stdout } = await sandbox.exec(
        `curl -s -m 5 -o /dev/null -w '%{http_code}' --noproxy '' -x $http_proxy http://${host}:${port}/healthz`,
      );
      expect(stdout, host).not.toBe('200');
    }
    expect(sandbox.egress!.log.map(({ verdict }) => verdict)).not.toContain('allowed');
  });

  it('an HTTP client that goes away takes its command with it', async () => {
    const sandbox = under.manager.get(id)!;
    const asked = request(`${served.url}/v1/sandboxes/${id}/exec`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    });
    asked.on('error', () => {});
    asked.end(JSON.stringify({ command: 'setsid sleep 600555 & sleep 600555' }));
    await expect.poll(() => countProcesses(sandbox, '600555')).toBeGreaterThan(0);
    asked.destroy();
    await expect.poll(() => countProcesses(sandbox, '600555'), { timeout: 5000 }).toBe(0);
    await served.call('DELETE', `/v1/sandboxes/${id}`);
  });
});

describe('a sandbox used again', () => {
  it('goes from task to task of one token, never to another token’s', async () => {
    const create = async (authorization: string) =>
      (await served.call('POST', '/v1/sandboxes', { image: 'shell', reuse: 'mine' }, { authorization })).body.id;
    const own = `Bearer ${TOKEN}`;
    const first = await create(own);
    expect((await served.call('DELETE', `/v1/sandboxes/${first}`)).body.reuse).toMatchObject({ recycled: true });
    const others = await create(`Bearer ${OTHER_TOKEN}`);
    expect(others).not.toContain(first);
    const second = await create(own);
    expect(second).toBe(`${first}-2`);
    const run = await served.call('POST', `/v1/sandboxes/${second}/exec`, { command: 'echo again' });
    expect(run.body).toMatchObject({ stdout: 'again\n' });
    for (const id of [others, second]) await served.call('DELETE', `/v1/sandboxes/${id}`);
  });
});

describe('its document', () => {
  it('is valid OpenAPI 3.1, and a client generated from it works', async () => {
    const document = (await served.call('GET', '/openapi.json')).body;
    expect(document.openapi).toMatch(/^3\.1/);
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
    const out = await makeTempDir('generated');
    await generateApi({ spec: document, output: out.path, fileName: 'api.ts', silent: true });
    type Call = (
      ...args: unknown[]
    ) => Promise<{ data: { id: string; stdout: string; container: { verifiedAbsent: boolean } } }>;
    const generated = (await createJiti(import.meta.url).import(pathToFileURL(join(out.path, 'api.ts')).href)) as {
      Api: new (options: object) => { v1: Record<string, Call> };
    };
    const baseApiParams = { headers: { authorization: `Bearer ${TOKEN}` }, format: 'json' };
    const { v1 } = new generated.Api({ baseUrl: served.url, baseApiParams });
    const named = (...words: string[]) =>
      v1[Object.keys(v1).find((name) => words.every((word) => name.toLowerCase().includes(word)))!]!;
    const { data: sandbox } = await v1.sandboxesCreate!({ image: 'shell' });
    const { data: ran } = await named('exec')(sandbox.id, { command: ['echo', 'generated'] });
    expect(ran.stdout).toBe('generated\n');
    const { data: receipt } = await v1.sandboxesDelete!(sandbox.id);
    expect(receipt.container.verifiedAbsent).toBe(true);
    await out.remove();
  });

  it('is readable by people, without a script and without anything from outside', async () => {
    const { headers, body } = await served.call('GET', '/docs');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(body).toContain('/v1/sandboxes/{id}/exec');
    expect(body).not.toMatch(/<script|https?:\/\/(?!127)|onclick/);
  });

  it('has figures of what went on', async () => {
    const { body } = await served.call('GET', '/metrics');
    expect(body).toMatch(/ripcord_commands_total\{outcome="exited"\} \d+/);
    expect(body).toMatch(/ripcord_sandboxes 0/);
    expect(body).toContain('ripcord_http_request_seconds_bucket');
  });
});

describe('ripcord serve', () => {
  it('listens on a private socket; SIGTERM closes what callers had open and leaves nothing', async () => {
    const home = await makeTempDir('serve');
    const server = spawn(process.execPath, ['dist/cli/main.js', 'serve'], {
      env: { ...process.env, XDG_RUNTIME_DIR: home.path, RIPCORD_STATE_DIR: join(home.path, 'state') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    server.stderr.on('data', (chunk: Buffer) => {
      said += String(chunk);
    });
    await expect.poll(() => said, { timeout: 20_000 }).toContain('listening on');
    const socket = join(home.path, 'ripcord', 'ripcord.sock');
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const client = await RipcordClient.connect({ socket });
    const sandbox = await client.create({ image: 'shell' });
    const running = sandbox.exec('sleep 60');
    running.catch(() => {});
    await using command = await sandbox.spawn('echo over the socket');
    command.stderr.resume();
    for await (const chunk of command.stdout) expect(String(chunk)).toBe('over the socket\n');
    server.kill('SIGTERM');
    const [code] = await once(server, 'exit');
    expect(code).toBe(143);
    expect(said).toContain('closed 1 sandboxes');
    expect(said).toContain('left behind: containers 0, volumes 0, directories 0');
    expect(said).toContain('"verifiedAbsent":true');
    await expect(running).rejects.toMatchObject({ code: expect.stringMatching(/sandbox-closed|unreachable/) });
    await client.close();
    await home.remove();
  });

  it('prints a token once, keeps it to itself, and takes it from then on', async () => {
    const home = await makeTempDir('serve');
    const run = async () => {
      const server = spawn(process.execPath, ['dist/cli/main.js', 'serve', '--listen', '0'], {
        env: { ...process.env, XDG_RUNTIME_DIR: home.path, RIPCORD_STATE_DIR: join(home.path, 'state') },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      server.stderr.on('data', (chunk: Buffer) => {
        said += String(chunk);
      });
      await expect.poll(() => said, { timeout: 20_000 }).toContain('token');
      const url = /listening on (http:\S+)/.exec(said)![1]!;
      const token = readFileSync(join(home.path, 'ripcord', 'token'), 'utf8').trim();
      const client = await RipcordClient.connect({ url, token });
      await client.close();
      server.kill('SIGTERM');
      await once(server, 'exit');
      return { said, token };
    };
    const first = await run();
    expect(first.said).toContain(first.token);
    expect(first.token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(statSync(join(home.path, 'ripcord', 'token')).mode & 0o777).toBe(0o600);
    const second = await run();
    expect(second.token).toBe(first.token);
    expect(second.said).not.toContain(first.token);
    await home.remove();
  });
});
