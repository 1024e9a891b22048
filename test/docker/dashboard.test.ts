/** The dashboard in a real browser, on a server and sandboxes that are as real. One story, told in order. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { leftOf, NOTHING, type Running, start } from './cli-process.js';

const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Directory for pictures of every view, for a person to look at. */
const PICTURES = process.env.RIPCORD_PICTURES;
const DESK = { width: 1280, height: 820 };
const PHONE = { width: 360, height: 740 };
/** Three pixels by two. */
const PNG = new Uint8Array(
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAYAAACddGYaAAAAFklEQVR42mP4z8Dwn+EEA4hqYEDmAACIRgqJnoKX5AAAAABJRU5ErkJggg==',
    'base64',
  ),
);
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/dashboard/${name}`, import.meta.url));

describe.skipIf(!executablePath)('the dashboard', () => {
  let temp: TempDir;
  let target: string;
  let server: Running;
  let url: string;
  let token: string;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let sandbox: string;
  const complaints: string[] = [];

  const serve = async (port: number) => {
    const specs = ['compete', 'endless'].flatMap((name) => ['--spec', `${name}=${fixture(`${name}.mjs`)}`]);
    server = start(['serve', '--listen', String(port), '--token-file', join(temp.path, 'token'), ...specs], {
      env: { RIPCORD_TEST_TARGET: target },
    });
    [, url] = (await server.waitFor(/listening on (http:\S+)/)) as unknown as [string, string];
    await server.waitFor(/token/);
  };

  beforeAll(async () => {
    temp = await makeTempDir('dashboard');
    target = join(temp.path, 'target');
    mkdirSync(target);
    writeFileSync(join(target, 'notes.txt'), 'one\ntwo\n');
    await serve(0);
    token = readFileSync(join(temp.path, 'token'), 'utf8').trim();
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
    });
    context = await browser.newContext({ viewport: DESK, reducedMotion: 'reduce' });
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
  });
  afterAll(async () => {
    await browser?.close();
    server?.[Symbol.dispose]();
    await temp?.remove();
  });

  /** Every view is accessible, dark and light, and fits a phone. */
  const inspect = async (view: string) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(AXE);
      const { violations } = (await page.evaluate(
        "axe.run({ resultTypes: ['violations'], rules: { region: { enabled: true } } })",
      )) as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };
      expect(
        violations.map(
          ({ id, nodes }) =>
            `${view}, ${colorScheme}: ${id}\n${nodes.map((node) => `${node.html}\n${node.failureSummary}`).join('\n')}`,
        ),
      ).toEqual([]);
      if (PICTURES) await page.screenshot({ path: join(PICTURES, `${view}-${colorScheme}.png`) });
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(PHONE);
    expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBe(PHONE.width);
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `${view}-phone.png`) });
    await page.setViewportSize(DESK);
    // Output of a sandbox never becomes a part of the page.
    expect(
      await page.evaluate(
        '[window.pwned, document.querySelectorAll("main img:not(.picture), main script, main b, main i").length]',
      ),
    ).toEqual([undefined, 0]);
  };

  const call = async (method: string, path: string, body: string | Uint8Array<ArrayBuffer>, type?: string) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': type ?? 'application/octet-stream' };
    const { status } = await fetch(`${url}/v1/sandboxes/${sandbox}/${path}`, { method, headers, body });
    expect(status).toBeLessThan(300);
  };
  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
  const badge = (text: string) => page.locator('.badge', { hasText: text });
  const run = async (line: string) => {
    await page.getByLabel('Command', { exact: true }).fill(line);
    await page.keyboard.press('Enter');
  };

  it('asks for the token once, and for another one when it is wrong', async () => {
    await page.goto(url);
    await page.getByLabel('Token').fill('not-the-token');
    await page.keyboard.press('Enter');
    await page.getByText('does not accept this token').waitFor();
    await inspect('sign-in');
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
    await page.getByText('No sandbox is open.').waitFor();
    await page.reload();
    await page.getByText('No sandbox is open.').waitFor();
    expect(page.url()).not.toContain(token);
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(token);
    await inspect('empty');
    // A refusal is an error in the browser, too; nothing else may be one.
    expect(complaints.splice(0).filter((text) => !text.includes('401'))).toEqual([]);
  });

  it('makes a sandbox, with the keyboard alone', async () => {
    await page.keyboard.press('n');
    await page.getByRole('dialog').waitFor();
    // One can type at once.
    expect(await page.evaluate('document.activeElement.name')).toBe('image');
    await inspect('create');
    // A refusal of the server comes with its hint.
    await page.getByLabel('Image').fill('registry.example.org/not/allowed');
    await page.keyboard.press('Enter');
    const problem = page.getByRole('dialog').getByRole('alert');
    await problem.getByText('--allow-image').waitFor();
    expect(complaints.splice(0).filter((text) => !text.includes('403'))).toEqual([]);
    await page.getByLabel('Image').fill('base');
    await page.getByLabel('Memory').fill('256m');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /^[0-9a-f]{12} base$/ }).waitFor();
    sandbox = page.url().split('/').at(-2)!;
  });

  it('streams what a command prints, and kills it', async () => {
    await run('echo begun; while :; do sleep 1; done');
    const card = page.getByRole('article');
    await card.getByRole('log').getByText('begun').waitFor();
    await card.getByRole('button', { name: 'Kill' }).click();
    await card.getByText(/SIGTERM|SIGKILL/).waitFor();
  });

  it('kills a command before the connection to the server is there', async () => {
    await page.getByLabel('Command', { exact: true }).fill('echo up; exec sleep 7777');
    // Between the two nothing can come from the network.
    const clicked = await page.evaluate(`(async () => {
      document.querySelector('form.command-line').requestSubmit();
      for (let i = 0; i < 1000; i++) {
        await Promise.resolve();
        const button = document.querySelector('article.run button.danger');
        if (button) return button.click() ?? true;
      }
    })()`);
    expect(clicked).toBe(true);
    const card = page.getByRole('article').first();
    await card.locator('.badge', { hasText: /failed|SIGTERM|SIGKILL/ }).waitFor();
    await card.getByRole('button', { name: 'Kill' }).waitFor({ state: 'detached' });
  });

  it('shows hostile output and never obeys it', async () => {
    await run(
      `printf '<img src=x onerror="window.pwned=1">\\n\\033]0;pwned\\007\\033[2J\\033[31mred\\033[0m \\342\\200\\256desrever\\n'; exit 3`,
    );
    const output = page.getByRole('article').first().getByRole('log');
    await output.getByText('⟨ESC⟩]0;pwned⟨BEL⟩⟨ESC⟩[2Jred ⟨U+202E⟩desrever').waitFor();
    await output.getByText('<img src=x onerror="window.pwned=1">').waitFor();
    await page.getByRole('article').first().locator('.badge', { hasText: 'exit 3' }).waitFor();
    await inspect('commands');
  });

  it('keeps its end of a flood, and the page small', async () => {
    await run('seq 1 200000; echo the end');
    const output = page.getByRole('article').first().getByRole('log');
    await output.getByText('the end').waitFor();
    await output.getByText(/earlier characters not shown/).waitFor();
    expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(1000);
    expect((await output.textContent())!.length).toBeLessThan(140_000);
    expect(await output.textContent()).toMatch(/199999\n200000\nthe end/);
  });

  it('lists files, shows and downloads them, and takes others', async () => {
    await run(
      `mkdir dir; printf 'a\\033[2Jb <script>window.pwned=1</script>' > notes.txt; touch "$(printf 'x\\033[31m\\ny \\342\\200\\256gpj.txt')" '<b>.txt'; ln -s /etc/passwd link`,
    );
    await page.getByRole('article').filter({ hasText: 'mkdir dir' }).getByText('exit 0').waitFor();
    await page.getByRole('tab', { name: 'Commands' }).focus();
    await page.keyboard.press('ArrowRight');
    await button('x⟨ESC⟩[31m⟨LF⟩y ⟨U+202E⟩gpj.txt').waitFor();
    await page.getByText('→ /etc/passwd').waitFor();
    await button('notes.txt').click();
    await page.getByText('a⟨ESC⟩[2Jb <script>window.pwned=1</script>').waitFor();
    await inspect('files');
    const [download] = await Promise.all([page.waitForEvent('download'), button('Download notes.txt').click()]);
    expect(readFileSync((await download.path())!, 'latin1')).toBe('a\x1b[2Jb <script>window.pwned=1</script>');
    await call('PUT', `files?path=${encodeURIComponent('not what it is called.txt')}`, PNG);
    await call('PUT', 'files?path=evil.svg', '<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"/>');
    await button('Refresh').click();
    await button('evil.svg').click();
    await page.getByText('onload="window.pwned=1"').waitFor();
    await button('not what it is called.txt').click();
    await page.getByText('3 × 2 pixels').waitFor();
    await expect.poll(() => page.evaluate('document.querySelector(".picture").naturalWidth')).toBe(3);
    await inspect('picture');
    await button('dir').click();
    await page.getByText('This directory is empty.').waitFor();
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'up.bin', mimeType: 'text/html', buffer: Buffer.from('from here') });
    await button('up.bin').click();
    await page.getByText('from here').waitFor();
  });

  it('opens what a port serves in a tab of its own, without the token', async () => {
    await page.getByLabel('Port to preview').fill('8000');
    await page.keyboard.press('Enter');
    const link = page.getByRole('link', { name: 'Open port 8000' });
    await link.waitFor();
    expect(await link.getAttribute('href')).toMatch(/^\/p\/[\w-]{22}\/$/);
    await inspect('preview');
    await link.focus();
    const [tab] = await Promise.all([context.waitForEvent('page'), page.keyboard.press('Enter')]);
    await tab.getByText('Nothing listens on port 8000').waitFor();
    expect(new URL(tab.url()).pathname).toBe(await link.getAttribute('href'));
    await tab.close();
  });

  it('gives a terminal', async () => {
    await page.getByRole('tab', { name: 'Terminal' }).click();
    await page.locator('.xterm-helper-textarea').waitFor();
    const rows = page.locator('.xterm-rows');
    await rows.getByText('/workspace').first().waitFor();
    await page.keyboard.type("printf '\\033[38;2;9;200;9m%s\\033[0m\\n' $((6 * 7))00; stty size\n");
    await rows.getByText('4200').waitFor();
    const colour =
      "getComputedStyle([...document.querySelectorAll('.xterm-rows span')].find((one) => one.textContent.includes('4200'))).color";
    expect(await page.evaluate(colour)).toBe('rgb(9, 200, 9)');
    await rows.getByText(/^\d{2} \d{2,3}$/).waitFor();
    await inspect('terminal');
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.press('Control+Shift+Escape');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('New shell');
  });

  it('lists what others ran in a sandbox, and the terminal as one, after a reload too', async () => {
    const json = JSON.stringify({ command: ['/bin/sh', '-c', 'echo from elsewhere; exit 7'] });
    await page.getByRole('tab', { name: 'Commands' }).click();
    const row = page.getByRole('row').filter({ hasText: 'echo from elsewhere; exit 7' });
    await call('POST', 'exec', json, 'application/json');
    await row.locator('.badge', { hasText: 'exit 7' }).waitFor();
    await page.reload();
    await row.locator('.badge', { hasText: 'exit 7' }).waitFor();
    await page.getByRole('row', { name: 'Terminal' }).getByText('closed').waitFor();
    expect(await page.getByText('exec bash').count()).toBe(0);
    await inspect('history');
  });

  it('shows what every sandbox does', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    const row = page.getByRole('row').filter({ hasText: sandbox });
    await row.getByText(/^\d+ %$/).waitFor();
    await row.getByRole('img', { name: 'of 256 MiB' }).waitFor();
    await row.getByText('running').waitFor({ state: 'hidden' });
    await inspect('sandboxes');
  });

  it('lets a branch be rejected, with a reason: the files on disk stay as they were', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByText('No task was started.').waitFor();
    await button('Start').click();
    await page.getByRole('heading', { name: 'Commit branch 2?' }).waitFor();
    await page.getByRole('checkbox', { name: '.envrc' }).check();
    await page.getByLabel('Why not').fill('<b>not</b> like this');
    await button('Reject').click();
    await badge('declined').waitFor();
    await page.getByText('<b>not</b> like this', { exact: true }).waitFor();
    await page.getByText(/was accepted and not committed.*<b>not<\/b> like this/).waitFor();
    await page.getByRole('heading', { name: 'Commit branch 2?' }).waitFor({ state: 'hidden' });
    expect(readdirSync(target)).toEqual(['notes.txt']);
    expect(readFileSync(join(target, 'notes.txt'), 'utf8')).toBe('one\ntwo\n');
    await inspect('task-rejected');
  });

  it('lets a branch be approved: the diff first, then the files on disk', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('row').filter({ hasText: 'exhausted' }).waitFor();
    await page.keyboard.press('n');
    await expect.poll(() => page.evaluate('document.activeElement.tagName')).toBe('SELECT');
    await button('Start').click();
    const branch = page.getByRole('article', { name: 'Branch 2, count ⟨U+202E⟩drawkcab' });
    await branch.getByText('branch 2 step 1').waitFor();
    await branch.getByText('<img src=x onerror="window.pwned=1">').waitFor();
    await page.getByRole('heading', { name: 'Commit branch 2?' }).waitFor();
    await page.getByText('expected <i>2</i>, got 1').waitFor();
    await page.locator('.diff .add').getByText('2 from branch 2').waitFor();
    await page.locator('.diff .del').getByText('two').waitFor();
    await inspect('approval');
    expect(readFileSync(join(target, 'notes.txt'), 'utf8')).toBe('one\ntwo\n');
    await page.getByRole('checkbox', { name: '.envrc' }).check();
    await button('Approve and write').click();
    await page.getByText('ended; nothing of them is left').waitFor();
    expect(readFileSync(join(target, 'notes.txt'), 'utf8')).toBe('one\n2 from branch 2\n');
    expect(readFileSync(join(target, '.envrc'), 'utf8')).toBe('echo hello\n');
    await inspect('task-accepted');
  });

  it('aborts a task by one click, from any view, and shows the receipts', async () => {
    await page.goto(`${url}/#/tasks`);
    await page.getByLabel('Spec').selectOption('endless');
    await button('Start').click();
    await page.getByRole('log', { name: 'Output of branch 1' }).getByText('20').first().waitFor();
    const task = page.url();
    await inspect('task-running');
    await page.goto(`${url}/#/receipts`);
    await page.getByText('nothing left').first().waitFor();
    await inspect('receipts');
    await button(/^Abort task/).click();
    await button(/^Abort task/).waitFor({ state: 'hidden' });
    await page.goto(task);
    await page.getByText('Everything had ended').waitFor();
    await page.getByText('nothing left').first().waitFor();
    await inspect('task-aborted');
    await page.goto(`${url}/#/tasks`);
    await badge('accepted').waitFor();
    const accepted = page.getByRole('row').filter({ has: badge('accepted') });
    await accepted.getByText('2 branches of iteration 1:').waitFor();
    expect(await accepted.locator('.branch-signs .badge').allInnerTexts()).toEqual([
      expect.stringMatching(/1 failed$/),
      expect.stringMatching(/1 passed$/),
    ]);
    await inspect('tasks');
  });

  it('aborts everything, with two keys', async () => {
    await page.goto(`${url}/#/tasks`);
    await page.getByLabel('Spec').selectOption('endless');
    await button('Start').click();
    await button(/^Abort task/).waitFor();
    await page.keyboard.press('Control+Shift+Period');
    await page.getByText('Aborted 1 task and 1 other sandbox.').waitFor();
    await page.goto(`${url}/#/sandboxes/${sandbox}`);
    await page.getByText('This sandbox is closed. Its receipt:').waitFor();
    await inspect('closed');
    await page.goto(`${url}/#/sandboxes`);
    await page.getByText('No sandbox is open.').waitFor();
  });

  it('aborts what it can when a part of everything refuses, and says so', async () => {
    await page.goto(`${url}/#/tasks`);
    await page.getByLabel('Spec').selectOption('endless');
    await button('Start').click();
    await button(/^Abort task/).waitFor();
    const task = page.url();
    const api = { headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } };
    const made = await fetch(`${url}/v1/sandboxes`, {
      method: 'POST',
      ...api,
      body: '{"image":"base","labels":{"team":"<b>blue</b>"}}',
    });
    const { id } = (await made.json()) as { id: string };
    await page.getByRole('link', { name: 'Sandboxes' }).click();
    await page
      .getByRole('row')
      .filter({ hasText: id })
      .getByRole('list', { name: 'Labels' })
      .getByText('team=<b>blue</b>')
      .waitFor();
    // The first of its requests.
    await page.route('**/v1/tasks/*/abort', (route) =>
      route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'not this one' } } }),
    );
    await button('Abort everything').click();
    await page.getByText('Not everything could be aborted: not this one').waitFor();
    await page.unroute('**/v1/tasks/*/abort');
    expect((await fetch(`${url}/v1/sandboxes/${id}`, api)).status).toBe(410);
    await page.goto(task);
    await button(/^Abort task/).click();
    await page.getByText('Everything had ended').waitFor();
    // A browser takes any answer of 500 for an error.
    expect(complaints.splice(0).filter((text) => !text.includes('500'))).toEqual([]);
    await page.goto(`${url}/#/sandboxes`);
    await page.getByText('No sandbox is open.').waitFor();
  });

  it('explains its keys, and can be walked through with Tab', async () => {
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Close');
    await inspect('help');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.reload();
    await page.getByText('No sandbox is open.').waitFor();
    const walked: string[] = [];
    for (let step = 0; step < 9; step++) {
      await page.keyboard.press('Tab');
      const [name, visible] = (await page.evaluate(
        `(() => { const { activeElement: at } = document; return [at.textContent.trim(), getComputedStyle(at).outlineStyle !== 'none' && at.getBoundingClientRect().top >= 0]; })()`,
      )) as [string, boolean];
      expect(visible, name).toBe(true);
      walked.push(name);
    }
    expect(walked).toEqual([
      'Skip to the content', 'Ripcord', 'Sandboxes', 'Tasks', 'Receipts', '?', 'Abort everything', 'New sandbox', 'New sandbox',
    ]); // biome-ignore format: a list
  });

  it('broke no rule of the page, and the browser complained of nothing', () => {
    expect(complaints).toEqual([]);
  });

  it('says when the server is gone, and goes on when it is back', async () => {
    const { code, stderr, pid } = await server.signal('SIGTERM');
    expect(stderr).toContain('left behind: containers 0, volumes 0, directories 0');
    expect(code).toBe(143);
    expect(await leftOf(pid)).toEqual(NOTHING);
    await page.getByText('No connection to the server.').waitFor();
    await page.getByText('Disconnected').waitFor();
    await inspect('disconnected');
    await serve(Number(new URL(url).port));
    await button('Try now').click();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByText('No connection to the server.').waitFor({ state: 'hidden' });
  });
});
