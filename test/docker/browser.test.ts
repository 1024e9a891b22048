/** A dev server in a sandbox that has no network, opened in a real browser of the host. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Sandbox } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { packageAccess } from '../helpers/package-access.js';
import { useManager } from '../helpers/sandbox.js';

const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const under = useManager();

describe.skipIf(!executablePath)('a dev server without a network', () => {
  let project: TempDir;
  let sandbox: Sandbox;
  beforeAll(async () => {
    project = await makeTempDir('vite');
    // One sandbox may reach the registry and fetches the tools; the other one gets them and may reach nothing.
    await using fetching = await under.manager.create({
      image: 'node',
      network: packageAccess('@npm'),
      limits: { memory: '1g' },
    });
    const result = await fetching.exec('npm install vite@7 --no-audit --no-fund --no-update-notifier', {
      timeoutMs: 80_000,
    });
    expect(result.stderr).not.toContain('npm error');
    await fetching.files.download('node_modules', join(project.path, 'node_modules'));
    writeFileSync(join(project.path, 'index.html'), '<h1>waiting</h1><script type="module" src="/main.js"></script>');
    writeFileSync(join(project.path, 'main.js'), PAGE('served from a sandbox'));
    sandbox = await under.manager.create({
      image: 'node',
      workspace: { mode: 'copy', seed: { from: project.path, gitignore: false } },
      limits: { memory: '1g' },
    });
  });
  afterAll(() => project?.remove());

  it('shows its page, runs its modules, and sends what changes over its WebSocket', async () => {
    expect((await sandbox.exec('ls /sys/class/net')).stdout).toBe('lo\n');
    await sandbox.spawn(['node', 'node_modules/vite/bin/vite.js', '--port', '5173', '--strictPort']);
    await sandbox.ports.waitFor(5173);
    await using forward = await sandbox.ports.forward(5173);
    const browser = await chromium.launch({
      executablePath: executablePath!,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
    });
    try {
      const page = await browser.newPage();
      const failures: string[] = [];
      page.on('pageerror', (error) => failures.push(error.message));
      await page.goto(forward.url);
      await page.getByRole('heading', { name: 'served from a sandbox' }).waitFor();
      // A created socket is not connected yet: messages that vite sends before are lost.
      const connected = new Promise<string>((resolve) => {
        page.on('websocket', (socket) => socket.on('framereceived', () => resolve(socket.url())));
      });
      await page.reload();
      expect(await connected).toContain(`:${forward.localPort}/`);
      await page.getByRole('heading', { name: 'served from a sandbox' }).waitFor();
      await sandbox.files.write('main.js', PAGE('changed while you look'));
      await page.getByRole('heading', { name: 'changed while you look' }).waitFor();
      expect(failures).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

const PAGE = (text: string) => `document.querySelector('h1').textContent = ${JSON.stringify(text)};\n`;
