/** The log holds nothing of a token or of a preview's secret, at the most talkative level, however a request ends. */
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { rejection, useManager } from '../helpers/sandbox.js';
import { TOKEN, useServer } from '../helpers/server.js';

let log = '';
// Without the redaction of `ripcord serve`: what is not written need not be redacted.
const logger = pino(
  { level: 'trace' },
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log += String(chunk);
      done();
    },
  }),
);
const under = useManager({ logger });
const served = useServer(under, { logger });
/** A token that does not exist, as a mistyped one. */
const WRONG = 'mistyped-mistyped-mistyped-mistyped-mistyped';
const logged = (route: string, status: number) =>
  expect.poll(() => log.split('\n').some((line) => line.includes(`"route":"${route}","status":${status}`)), {
    message: `${route} ${status}`,
  });

let id: string;
beforeAll(async () => {
  id = (await served.call('POST', '/v1/sandboxes', { image: 'shell' })).body.id;
});
afterAll(() => served.call('DELETE', `/v1/sandboxes/${id}`));

it('of requests that succeed, fail, are refused and are malformed, and of sockets', async () => {
  const auth = `Authorization: Bearer ${TOKEN}`;
  const raw = (line: string, ...fields: string[]) =>
    served.raw(`${[line, `Host: 127.0.0.1:${served.port}`, ...fields].join('\r\n')}\r\nConnection: close\r\n\r\n`);
  await served.call('POST', `/v1/sandboxes/${id}/exec`, { command: 'true' });
  await served.call('POST', `/v1/sandboxes/${id}/exec`, { nonsense: true });
  await served.call('GET', '/v1/sandboxes', undefined, { authorization: `Bearer ${WRONG}` });
  await served.call('GET', `/v1/sandboxes?token=${TOKEN}`);
  await served.call('GET', `/v1/sandboxes?token=${WRONG}`);
  await served.call('GET', `/v1/tasks/${TOKEN}`);
  await served.call('GET', `/nowhere/${WRONG}`);
  await served.call('GET', `/v1/sandboxes/${id}/ports/8000/?q=${WRONG}`);
  const preview = await served.call('POST', `/v1/sandboxes/${id}/previews`, { port: 8000 });
  const path: string = preview.body.path;
  expect((await served.call('GET', path, undefined, { authorization: '' })).status).toBe(502);
  await served.call('GET', `/p/${WRONG}/`);
  await raw('GET /v1/sandboxes HTTP/1.1', auth, `Authorization: Basic ${TOKEN}`);
  await raw(`GET /%zz?token=${TOKEN} HTTP/1.1`, auth);
  await raw('GET /v1/sandboxes HTTP/1.1', auth, 'Content-Length: x');
  await raw('GET /v1/sandboxes HTTP/1.1', `Authorization : Bearer ${TOKEN}`);
  // An unforeseen error is logged with all its details.
  vi.spyOn(under.manager, 'create').mockRejectedValueOnce(new TypeError('unforeseen'));
  expect((await served.call('POST', '/v1/sandboxes', { image: 'shell' })).status).toBe(500);
  const headers = { authorization: `Bearer ${TOKEN}` };
  for (const [path, protocols, options] of [
    ['/ws/tasks', ['ripcord'], { headers }],
    ['/ws/tasks', ['ripcord', `bearer.${TOKEN}`], {}],
    ['/ws/tasks', ['ripcord', `bearer.${WRONG}`], {}],
    [`/ws/tasks?token=${TOKEN}`, ['ripcord'], {}],
    [`/v1/sandboxes/${id}/tunnel/8000`, ['ripcord'], { headers }],
    [`/v1/sandboxes/${id}/tunnel/none`, ['ripcord'], { headers }],
  ] as const) {
    const socket = new WebSocket(served.url.replace('http', 'ws') + path, [...protocols], options);
    socket.once('open', () => socket.send(`not json ${TOKEN}`));
    socket.on('error', () => {});
    await new Promise((closed) => socket.once('close', closed));
  }
  await rejection(served.client(WRONG));

  // All of that was logged, as far as it is.
  const exec = '/v1/sandboxes/:id/exec';
  for (const [route, status] of [
    [exec, 200],
    [exec, 400],
    ['/v1/sandboxes', 400],
    ['/v1/sandboxes', 401],
    ['/v1/sandboxes', 500],
    ['/v1/tasks/:id', 400],
    ['(none)', 404],
    ['/p/:secret/*', 404],
    ['/ws/tasks', 400],
    ['/ws/tasks', 401],
  ] as const) {
    await logged(route, status).toBe(true);
  }
  expect(log).toContain('TypeError: unforeseen');
  for (const secret of [TOKEN, WRONG, 'Bearer', 'bearer.', 'token=', path]) expect(log).not.toContain(secret);
  expect(log.toLowerCase()).not.toContain('authorization');
});
