/** The server's real answers and messages have the fields that the contract in src/wire has, and no others. */
import { once } from 'node:events';
import { isClean } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { useManager } from '../helpers/sandbox.js';
import { Messages, TOKEN, useServer } from '../helpers/server.js';

const target: TempDir = await makeTempDir('wire');
const under = useManager();
const served = useServer(under, {
  dashboard: 'src/dashboard',
  specs: {
    commit: {
      task: 'own',
      options: {
        sandbox: { image: 'base' },
        maxIterations: 2,
        branches: 2,
        target: target.path,
        commitMode: 'manual',
        propose: async ({ sandbox, log }: { sandbox: { exec(line: string): unknown }; log(text: string): void }) => {
          log('proposing');
          await sandbox.exec('echo new > made.txt; echo hook > .envrc');
        },
        verify: () => ({ passed: true, tests: [{ name: 'one' }] }),
      },
    },
    endless: {
      task: 'own',
      options: { sandbox: false, propose: () => new Promise(() => {}), verify: () => ({ passed: true }) },
    },
  } as never,
});

let id: string;
beforeAll(async () => {
  id = (await answered('POST', '/v1/sandboxes', { image: 'python', warm: true, labels: { a: 'b' } })).id;
});
afterAll(async () => {
  await served.call('DELETE', `/v1/sandboxes/${id}`);
  await target.remove();
});

/** The body of an answer, which `call` holds against the contract. */
// biome-ignore lint/suspicious/noExplicitAny: the answer is the value under test
async function answered(method: string, path: string, body?: unknown): Promise<any> {
  return (await served.call(method, path, body)).body;
}

const at = (rest: string) => `/v1/sandboxes/${id}${rest}`;

it('of a sandbox, its commands and its files', async () => {
  const ran = await answered('POST', at('/exec'), { command: 'echo text > a.txt; ln -s a.txt b; echo out' });
  expect(ran).toMatchObject({ stdout: 'out\n' });
  await answered('POST', at('/exec'), { command: ['/nope'] });
  await answered('POST', at('/exec'), { command: 'kill -BUS $$', encoding: 'base64' });
  const program = { code: 'print(1)', warm: true };
  // The first of them may come before the interpreter is up, and then runs in one of its own.
  await expect.poll(() => answered('POST', at('/run-code'), program)).toMatchObject({ stdout: '1\n', warm: true });
  const started = await answered('POST', at('/commands'), { command: 'echo background' });
  const one = at(`/commands/${started.id}`);
  await answered('GET', `${one}?waitMs=10000`);
  await answered('GET', at('/commands'));
  await answered('DELETE', one);
  await answered('GET', at('/files/list?depth=all'));
  await answered('GET', at('/files/stat?path=b&follow=0'));
  await answered('GET', at('/files/diff'));
  await answered('POST', at('/files/mkdir'), { path: 'd' });
  await answered('POST', at('/files/rename'), { from: 'a.txt', to: 'c.txt' });
  await answered('DELETE', at('/files?path=c.txt'));
  await answered('PUT', at('/files?path=empty'));
  await answered('GET', at('/files?path=empty'));
  await answered('GET', at('/tree?path=d'));
  const headers = { authorization: `Bearer ${TOKEN}` };
  const tar = await (await fetch(served.url + at('/tree?path=d'), { headers })).arrayBuffer();
  const put = await fetch(served.url + at('/tree?path=d'), { method: 'PUT', headers, body: tar });
  served.contract!.check('PUT', at('/tree'), put.status, '');
  await answered('POST', at('/previews'), { port: 80 });
  await answered('GET', at('/files?path=nope'));
  const { labels } = await answered('GET', at('?stats=1'));
  expect(labels).toEqual({ a: 'b' });
  const history: { argv: string[]; outcome: string }[] = await answered('GET', at('/history'));
  // The newest first, however they were started: in the background, as a program, to its end, not at all.
  expect(history[0]).toMatchObject({ argv: ['/bin/sh', '-c', 'echo background'], outcome: 'exited', exitCode: 0 });
  expect(history.map(({ argv }) => argv[0])).toContain('python3');
  expect(history).toContainEqual(expect.objectContaining({ outcome: 'signaled', signal: 'SIGBUS' }));
  expect(history.at(-2)).toMatchObject({ argv: ['/nope'], outcome: 'spawn-failed' });
  await answered('GET', '/v1/sandboxes?stats=1');
  await answered('POST', at('/extend'), { lifetimeMs: 600_000 });
});

it('of a sandbox that is closed, and of one that is kept for the next', async () => {
  const gone = await answered('POST', '/v1/sandboxes', { image: 'base' });
  const removed = await answered('DELETE', `/v1/sandboxes/${gone.id}`);
  expect(isClean(removed)).toBe(true);
  const reused = await answered('POST', '/v1/sandboxes', { image: 'base', reuse: true });
  const receipt = await answered('DELETE', `/v1/sandboxes/${reused.id}`);
  expect(receipt).toMatchObject({ reuse: { recycled: true }, container: { verifiedAbsent: false } });
  expect(await served.metric('ripcord_teardown_incomplete_total')).toBe(0);
  expect((await answered('GET', '/v1/receipts')).length).toBe(2);
});

it('the client asks for both, and hears of both', async () => {
  await using client = await served.client();
  await using sandbox = await client.create({ image: 'python', warm: true, reuse: 'a domain' });
  await expect.poll(() => sandbox.runCode('print(2)', { warm: true })).toMatchObject({ stdout: '2\n', warm: true });
  const heard: string[] = [];
  await sandbox.runCode('print(3)', { warm: true, onStdout: (chunk) => heard.push(chunk) });
  expect(heard.join('')).toBe('3\n');
  expect(await sandbox.close()).toMatchObject({ reuse: { recycled: true } });
});

it('the page answers HEAD, as whoever watches an address asks', async () => {
  const answer = await fetch(served.url, { method: 'HEAD' });
  expect([answer.status, await answer.text()]).toEqual([200, '']);
  expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(100);
});

it('HEAD is answered as GET, without the content, for the server, its documents and a file', async () => {
  await under.manager.get(id)!.files.write('big', 'x'.repeat(3_000_000));
  const files = ['big', 'missing', '/tmp'].map((path) => `/v1/sandboxes/${id}/files?path=${path}`);
  for (const path of ['/healthz', '/metrics', '/openapi.json', '/docs', '/docs/style.css', ...files]) {
    const ask = (method: string) => fetch(served.url + path, { method, headers: { authorization: `Bearer ${TOKEN}` } });
    const [got, head] = [await ask('GET'), await ask('HEAD')];
    await got.arrayBuffer();
    expect([path, head.status, await head.text()]).toEqual([path, got.status, '']);
    expect(head.headers.get('content-type')).toBe(got.headers.get('content-type'));
  }
});

/** All messages of a WebSocket until `fits`; `Messages` holds each against the contract. */
async function follow(path: string, begin: object | undefined, fits: (message: { type?: string }) => boolean) {
  const messages = new Messages(served.socket(path));
  await once(messages.socket, 'open');
  if (begin) messages.send(begin);
  const last = await messages.next(fits);
  return { messages, last };
}
const ended = ({ type }: { type?: string }) => type === 'result' || type === 'error';

it('of a command on a WebSocket', async () => {
  const start = { type: 'start', command: 'cat; exit 3' };
  const { messages } = await follow(at('/exec'), start, ({ type }) => type === 'started');
  messages.socket.send(Buffer.from('in'));
  await messages.next(({ type }) => type === 'stdin_ack');
  messages.send({ type: 'stdin_end' });
  expect(await messages.next(ended)).toMatchObject({ result: { exitCode: 3 } });
  expect((await follow(at('/exec'), { type: 'exec', command: 'echo 1' }, ended)).last).toMatchObject({
    type: 'result',
  });
  expect((await follow(at('/exec'), { type: 'run-code', code: '', lang: 'x' }, ended)).last.type).toBe('error');
  const { id: command } = await answered('POST', at('/commands'), { command: 'seq 200000' });
  await answered('GET', at(`/commands/${command}?waitMs=20000`));
  const followed = await follow(at(`/commands/${command}/output`), undefined, ended);
  expect(followed.messages.all).toContainEqual(expect.objectContaining({ type: 'gap', channel: 'stdout' }));
  expect((await follow(at('/tunnel/9'), undefined, ended)).last).toMatchObject({ error: { code: 'port-refused' } });
});

describe('of a task', () => {
  it('that asks before it commits, and of the events that tell it', async () => {
    const live = new Messages(served.socket('/v1/events'));
    await live.next(({ type }) => type === 'hello');
    const { id: task } = await answered('POST', '/v1/tasks', { spec: 'commit' });
    await expect
      .poll(() => answered('GET', `/v1/tasks/${task}`), { timeout: 30_000 })
      .toMatchObject({ awaitsApproval: true });
    const { flagged } = await answered('GET', `/v1/tasks/${task}/approval`);
    expect(flagged).toMatchObject([{ path: '.envrc', rule: 'shell' }]);
    expect((await served.call('GET', `/v1/tasks/${task}/result`)).status).toBe(202);
    await answered('POST', `/v1/tasks/${task}/approval`, { approve: true, allow: ['.envrc'] });
    const attach = { type: 'attach', id: task };
    const { messages } = await follow('/ws/tasks', attach, ({ type }) => type === 'completed');
    const types = messages.all.flatMap((message) =>
      'event' in message ? [(message.event as { type: string }).type] : [],
    );
    expect(types).toEqual(
      expect.arrayContaining(['log', 'verification', 'approval.answered', 'commit.ended', 'completed']),
    );
    expect(await answered('GET', `/v1/tasks/${task}/result`)).toMatchObject({ result: { status: 'accepted' } });
    const told = (event: string) => live.next((message) => message.event?.type === event);
    for (const event of ['sandbox.created', 'command.ended', 'sandbox.closed']) await told(event);
    expect(await live.next(({ event }) => event?.event?.type === 'completed')).toMatchObject({ event: { task } });
  });

  it('that is aborted, by a request and by its WebSocket', async () => {
    const { id: task } = await answered('POST', '/v1/tasks', { spec: 'endless' });
    expect(await answered('POST', `/v1/tasks/${task}/abort`, {})).toEqual({ status: 'abort_requested' });
    const start = { type: 'start', spec: 'endless' };
    const { messages } = await follow('/ws/tasks', start, ({ type }) => type === 'started');
    messages.send({ type: 'abort' });
    await messages.next(({ type }) => type === 'aborted');
    expect(messages.all).toContainEqual(expect.objectContaining({ status: 'abort_requested' }));
  });
});

it('of the server itself', async () => {
  await answered('GET', '/healthz');
  await answered('GET', '/v1/images');
  await answered('GET', '/v1/specs');
  await answered('GET', '/v1/tasks');
  await answered('GET', '/v1/tasks/nope');
});

/** Routes that server.test.ts and contract.test.ts test through the client. */
const ELSEWHERE = ['GET /v1/tasks/{id}/events 200', 'POST /v1/requests/{id}/abort 202'];

it('of every route', () => {
  const { promised, seen } = served.contract!;
  const missing = promised.filter((answer) => !seen.has(answer) && !answer.startsWith('HEAD '));
  expect(missing.sort()).toEqual(ELSEWHERE);
});
