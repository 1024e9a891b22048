/** The server's real answers have the fields that its OpenAPI document describes, and no others. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { isClean } from 'ripcord-sandbox';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { useManager } from '../helpers/sandbox.js';
import { TOKEN, useServer } from '../helpers/server.js';

const under = useManager();
const served = useServer(under, { specs: {}, dashboard: 'src/dashboard' });
/** Formats say nothing about fields. */
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
let paths: Record<string, Record<string, Operation>>;
let id: string;
beforeAll(async () => {
  paths = (await served.call('GET', '/openapi.json')).body.paths;
  id = (await answered('POST', '/v1/sandboxes', '/v1/sandboxes', { image: 'python', warm: true, labels: { a: 'b' } }))
    .id;
});
afterAll(() => served.call('DELETE', `/v1/sandboxes/${id}`));

/** Every object of a schema as it is documented, closed to fields that are not. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const all = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in all ? { ...all, additionalProperties: false } : all;
}

// biome-ignore lint/suspicious/noExplicitAny: the answer is the value under test
async function answered(method: string, route: string, path: string, body?: unknown): Promise<any> {
  const { status, body: answer } = await served.call(method, path, body);
  const documented = paths[route]?.[method.toLowerCase()]?.responses[status];
  expect(documented, `${method} ${route} answered ${status}: ${JSON.stringify(answer)}`).toBeDefined();
  const schema = documented!.content?.['application/json']?.schema;
  if (schema) {
    const check = ajv.compile(closed(schema) as object);
    check(answer);
    expect(check.errors ?? [], `${method} ${route}: ${JSON.stringify(answer)}`).toEqual([]);
  }
  return answer;
}

const at = (rest: string) => [`/v1/sandboxes/{id}${rest}`, `/v1/sandboxes/${id}${rest}`] as const;

it('of a sandbox, its commands and its files', async () => {
  const ran = await answered('POST', ...at('/exec'), { command: 'echo text > a.txt; ln -s a.txt b; echo out' });
  expect(ran).toMatchObject({ stdout: 'out\n' });
  await answered('POST', ...at('/exec'), { command: ['/nope'] });
  await answered('POST', ...at('/exec'), { command: 'kill -BUS $$', encoding: 'base64' });
  const program = { code: 'print(1)', warm: true };
  // The first of them may come before the interpreter is up, and then runs in one of its own.
  await expect.poll(() => answered('POST', ...at('/run-code'), program)).toMatchObject({ stdout: '1\n', warm: true });
  const started = await answered('POST', ...at('/commands'), { command: 'echo background' });
  const one = [`/v1/sandboxes/{id}/commands/{command}`, `/v1/sandboxes/${id}/commands/${started.id}`] as const;
  await answered('GET', one[0], `${one[1]}?waitMs=10000`);
  await answered('GET', ...at('/commands'));
  await answered('DELETE', ...one);
  const query = (route: string, text: string) => [at(route)[0], at(route)[1] + text] as const;
  await answered('GET', ...query('/files/list', '?depth=all'));
  await answered('GET', ...query('/files/stat', '?path=b&follow=0'));
  await answered('GET', ...at('/files/diff'));
  await answered('POST', ...at('/files/mkdir'), { path: 'd' });
  await answered('POST', ...at('/files/rename'), { from: 'a.txt', to: 'c.txt' });
  await answered('DELETE', ...query('/files', '?path=c.txt'));
  await answered('GET', ...query('/files', '?path=nope'));
  const { labels } = await answered('GET', ...query('', '?stats=1'));
  expect(labels).toEqual({ a: 'b' });
  const history: { argv: string[]; outcome: string }[] = await answered('GET', ...at('/history'));
  // The newest first, however they were started: in the background, as a program, to its end, not at all.
  expect(history[0]).toMatchObject({ argv: ['/bin/sh', '-c', 'echo background'], outcome: 'exited', exitCode: 0 });
  expect(history.map(({ argv }) => argv[0])).toContain('python3');
  expect(history).toContainEqual(expect.objectContaining({ outcome: 'signaled', signal: 'SIGBUS' }));
  expect(history.at(-2)).toMatchObject({ argv: ['/nope'], outcome: 'spawn-failed' });
  await answered('GET', '/v1/sandboxes', '/v1/sandboxes?stats=1');
  await answered('POST', ...at('/extend'), { lifetimeMs: 600_000 });
});

it('of a sandbox that is closed, and of one that is kept for the next', async () => {
  const gone = await answered('POST', '/v1/sandboxes', '/v1/sandboxes', { image: 'base' });
  const removed = await answered('DELETE', '/v1/sandboxes/{id}', `/v1/sandboxes/${gone.id}`);
  expect(isClean(removed)).toBe(true);
  const reused = await answered('POST', '/v1/sandboxes', '/v1/sandboxes', { image: 'base', reuse: true });
  const receipt = await answered('DELETE', '/v1/sandboxes/{id}', `/v1/sandboxes/${reused.id}`);
  expect(receipt).toMatchObject({ reuse: { recycled: true }, container: { verifiedAbsent: false } });
  expect(await served.metric('ripcord_teardown_incomplete_total')).toBe(0);
  expect((await answered('GET', '/v1/receipts', '/v1/receipts')).length).toBe(2);
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

it('of the server itself', async () => {
  await answered('GET', '/healthz', '/healthz');
  await answered('GET', '/v1/images', '/v1/images');
  await answered('GET', '/v1/specs', '/v1/specs');
  await answered('GET', '/v1/tasks', '/v1/tasks');
  await answered('GET', '/v1/tasks/{id}', '/v1/tasks/nope');
});
