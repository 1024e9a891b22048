/** Pages of a sandbox in a real browser, through the server: each preview works as a tab does, and leads into no other one. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Sandbox } from 'ripcord-sandbox';
import { RipcordClient } from 'ripcord-sandbox/client';
import { RipcordServer } from 'ripcord-sandbox/server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { useManager } from '../helpers/sandbox.js';

const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const SITE = fileURLToPath(new URL('../fixtures/preview', import.meta.url));
const under = useManager();

describe.skipIf(!executablePath)('a preview', () => {
  let temp: TempDir;
  let server: RipcordServer;
  let client: RipcordClient;
  let door: Server;
  const guests = new Set<Socket>();
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let origin: string;
  let first: Sandbox;
  let hostile: Sandbox;

  const serve = async (...ports: number[]) => {
    const sandbox = await under.manager.create({ image: 'python', workspace: { seed: { from: SITE } } });
    for (const port of ports) {
      await sandbox.spawn(['python3', 'site.py', String(port)]);
      await sandbox.ports.waitFor(port);
    }
    return sandbox;
  };
  const preview = async (sandbox: Sandbox, port = 8000) =>
    origin + (await (await client.get(sandbox.id))!.preview(port)).path;
  const arrived = async (sandbox: Sandbox) => {
    const text = await sandbox.files.readText('/tmp/requests', {}).catch(() => '');
    const lines = text.split('\n').filter(Boolean);
    return lines.map(
      (line) => JSON.parse(line) as { port: number; method: string; path: string; origin: string | null },
    );
  };

  beforeAll(async () => {
    temp = await makeTempDir('preview');
    // Without a token nothing but what is tested here stands between a page and a port.
    const socket = join(temp.path, 's');
    server = await RipcordServer.open(under.manager, { listen: { socket } });
    client = await RipcordClient.connect({ socket });
    // As `ssh -L` does it.
    door = createServer((guest) => {
      const inside = connect(socket);
      guests.add(guest);
      guest.once('close', () => inside.destroy()).once('close', () => guests.delete(guest));
      inside.once('close', () => guest.destroy());
      for (const each of [guest, inside]) each.on('error', () => {});
      guest.pipe(inside).pipe(guest);
    });
    door.listen(0, '127.0.0.1');
    await once(door, 'listening');
    origin = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
    [first, hostile] = await Promise.all([serve(8000), serve(8000, 8001)]);
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
    });
  });
  beforeEach(async () => {
    await context?.close();
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
  });
  afterAll(async () => {
    await browser?.close();
    for (const guest of guests) guest.destroy();
    door?.close();
    await client?.close();
    await server?.close();
    await Promise.all([first?.close(), hostile?.close()]);
    await temp?.remove();
  });

  const heading = (name: string) => page.getByRole('heading', { name }).waitFor();
  const item = (text: string) => page.getByRole('listitem').getByText(text).waitFor();
  const press = (name: string) => page.getByRole('button', { name }).click();
  const follow = (name: string) => page.getByRole('link', { name }).click();

  it('has links, forms, redirects, frames, tabs and reload', async () => {
    await page.goto(await preview(first));
    await heading('first');
    expect(await page.evaluate('getComputedStyle(document.querySelector("h1")).color')).toBe('rgb(1, 2, 3)');
    await page.frameLocator('iframe').getByRole('heading', { name: 'second' }).waitFor();
    await follow('to the second');
    await heading('second');
    await follow('back');
    await heading('first');
    await page.reload();
    await heading('first');
    await press('send');
    // The server inside gets the Origin that it would get from a browser beside it.
    await heading('q=asked from http://localhost:8000');
    await page.goBack();
    await press('look');
    await heading('second');
    await page.goBack();
    await follow('by a redirect');
    await heading('second');
    await page.goBack();
    const [tab] = await Promise.all([context.waitForEvent('page'), follow('in a new tab')]);
    await tab.getByRole('heading', { name: 'second' }).waitFor();
  });

  it('imports modules, fetches and has a WebSocket', async () => {
    await page.goto(await preview(first));
    await item('module: imported');
    await item('fetch: {"got": {"number": 42}} own');
    await item('socket: heard inside');
  });

  it('is what an address of a port becomes that a person opens', async () => {
    await page.goto(`${origin}/v1/sandboxes/${first.id}/ports/8000/second.html?x=1`);
    expect(page.url()).toBe(`${await preview(first)}second.html?x=1`);
    await follow('back');
    await heading('first');
    await item('socket: heard inside');
  });

  it('has an origin of its own, and tells nobody outside its address', async () => {
    const heard: unknown[] = [];
    const outside = createHttpServer((request, response) => {
      heard.push([request.url, request.headers.referer]);
      response.end('<h1>outside</h1>');
    });
    outside.listen(0, '127.0.0.1');
    await once(outside, 'listening');
    try {
      const to = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/`;
      await page.goto(`${await preview(first)}?${encodeURIComponent(to)}`);
      expect(await page.evaluate('self.origin')).toBe('null');
      await follow('to outside');
      await heading('outside');
      expect(heard[0]).toEqual(['/', undefined]);
    } finally {
      outside.close();
      outside.closeAllConnections();
    }
  });

  const attack = async (target: string) => {
    const attacker = `${await preview(hostile)}hostile.html?${encodeURIComponent(target)}`;
    await page.goto(attacker);
    await page.getByText('tried all').waitFor();
    for (const act of [() => follow('lead there'), () => press('get there'), () => press('post there')]) {
      await page.goto('about:blank');
      await page.goto(`${attacker}#wait`);
      await Promise.all([page.waitForURL((url) => !url.pathname.endsWith('hostile.html')), act()]);
    }
  };
  const hostileOnes = async (sandbox: Sandbox) =>
    (await arrived(sandbox)).filter(({ path }) => path.includes('hostile-'));

  it('sends from its pages into itself whatever a page can send', async () => {
    await attack('./');
    const names = new Set((await hostileOnes(hostile)).map(({ path }) => path.replace(/^\/hostile-|\?$/g, '')));
    expect([...names].sort()).toEqual([
      'beacon', 'cors', 'events', 'fetch', 'fetch-post', 'frame', 'get', 'image', 'link', 'module', 'popup', 'post', 'prefetch',
      'script', 'socket', 'style',
    ]); // biome-ignore format: a list
  });

  it.each<[string, () => string]>([
    ['another sandbox', () => `/v1/sandboxes/${first.id}/ports/8000/`],
    ['another port of its own', () => `/v1/sandboxes/${hostile.id}/ports/8001/`],
    [
      'another sandbox by another name of the server',
      () => `${origin.replace('127.0.0.1', 'localhost')}/v1/sandboxes/${first.id}/ports/8000/`,
    ],
    ['a preview that it can only guess', () => '/p/AAAAAAAAAAAAAAAAAAAAAA/'],
    ['another sandbox by a redirect', () => `leap?/v1/sandboxes/${first.id}/ports/8000/`],
    ['another sandbox by a redirect to the server', () => `leap?${origin}/v1/sandboxes/${first.id}/ports/8000/`],
  ])('sends nothing into %s', async (_name, target) => {
    await hostile.exec('rm -f /tmp/requests');
    await attack(target());
    expect(await hostileOnes(first)).toEqual([]);
    // A redirect leads on below its own address, and no further.
    const own = (await hostileOnes(hostile)).map(({ port, path }) => `${port} ${path}`);
    expect(own.filter((line) => !/^8000 \/(leap\?|v1\/sandboxes\/)/.test(line))).toEqual([]);
    expect(own.length > 0).toBe(target().startsWith('leap?'));
  });

  it('ends with its sandbox', async () => {
    const sandbox = await serve(8000);
    const address = await preview(sandbox);
    expect((await fetch(address)).status).toBe(200);
    await sandbox.close();
    expect((await fetch(address)).status).toBe(404);
  });
});
