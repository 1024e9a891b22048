/** Package managers in a sandbox without a network: they give up at once, and the result says what is missing. */
import { describe, expect, it } from 'vitest';
import { missedNetwork, OFFLINE_ENV } from '../../src/egress/offline.js';
import { useManager } from '../helpers/sandbox.js';
import { ripcord } from './cli-process.js';

const under = useManager();
/** Each took over a minute, or a dozen seconds, before it failed: this only has to end what would go on like that. */
const PATIENCE = { timeoutMs: 45_000 };
const NAMES = Object.keys(OFFLINE_ENV);
const seen = `for name in ${NAMES.join(' ')}; do printenv "$name" > /dev/null && echo "$name=$(printenv "$name")"; done; true`;

describe('without a network', () => {
  it('npm gives up at once, and the hint names @npm', async () => {
    await using sandbox = await under.manager.create({ image: 'node' });
    const result = await sandbox.exec('npm install is-number', PATIENCE);
    expect(result).toMatchObject({ outcome: 'exited', hint: expect.stringContaining("allow: ['@npm']") });
    expect(result.exitCode).not.toBe(0);
    expect((await sandbox.exec('npm config get fetch-retries')).stdout).toBe('0\n');
  });

  it('pip gives up at once and says why, also with its output on stdout', async () => {
    await using sandbox = await under.manager.create({ image: 'python' });
    const result = await sandbox.exec('pip install flask 2>&1', PATIENCE);
    expect(result).toMatchObject({ outcome: 'exited', hint: expect.stringContaining("allow: ['@pip']") });
    expect(result.stdout.match(/Retrying/g)).toHaveLength(1);
  });

  it('a program that reaches for a host is told of `allow`', async () => {
    await using sandbox = await under.manager.create({ image: 'python' });
    const { hint } = await sandbox.runCode('import urllib.request as u; u.urlopen("http://api.example.com/")');
    expect(hint).toContain('There is no network');
    expect((await sandbox.runCode('raise SystemExit("no such thing")')).hint).toBeUndefined();
    expect((await sandbox.exec('echo EAI_AGAIN')).hint).toBeUndefined();
  });

  it("the caller's own values win, of the sandbox and of a call", async () => {
    await using sandbox = await under.manager.create({ env: { PIP_RETRIES: '7' } });
    const { stdout } = await sandbox.exec(seen, { env: { CARGO_NET_RETRY: '3' } });
    expect(stdout).toContain('PIP_RETRIES=7\n');
    expect(stdout).toContain('CARGO_NET_RETRY=3\n');
    expect(stdout).toContain('UV_HTTP_RETRIES=0\n');
  });
});

it('with an allow list or a bridge nothing of it is set', async () => {
  for (const network of ['bridge', { allow: ['registry.example.com'] }, { allow: [] }] as const) {
    await using sandbox = await under.manager.create({ network: network as never });
    expect((await sandbox.exec(seen)).stdout).toBe('');
  }
});

it('`run` says it with the words of its flags, once', async () => {
  const offline = await ripcord(['run', '-c', 'npm install is-number', '-l', 'bash', '--image', 'node']);
  expect(offline.stderr).toContain('no network: --allow @npm');
  expect(offline.stderr).not.toContain('network: {');
  const allowed = await ripcord([
    'run',
    '-c',
    'echo getaddrinfo EAI_AGAIN >&2; exit 1',
    '-l',
    'bash',
    '--allow',
    'a.test',
  ]);
  expect(allowed.stderr).not.toContain('no network');
});

describe('what a failed command missed', () => {
  it.each([
    ['npm error code EAI_AGAIN\nnpm error syscall getaddrinfo', '@npm'],
    ['fatal: unable to access: Could not resolve host: github.com', ''],
    [
      "connection broken by 'NewConnectionError: [Errno -3] Temporary failure in name resolution': /simple/flask/",
      '@pip',
    ],
    ['Go: dial tcp: lookup proxy.golang.org on 127.0.0.1:53: connect refused', ''],
    ['W: Failed to fetch http://deb.example.org/debian  Temporary failure in name resolution', '@apt'],
    ['AssertionError: 1 != 2', undefined],
  ])('%s → %s', (text, missed) => {
    expect(missedNetwork(text)).toBe(missed);
    expect(missedNetwork(Buffer.from(text))).toBe(missed);
    expect(missedNetwork('', text)).toBe(missed);
  });
});
