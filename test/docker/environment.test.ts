/** The variables of commands: those of the image, Ripcord's own and the caller's, and none that the engine adds. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { engine } from '../helpers/audit.js';
import { useManager } from '../helpers/sandbox.js';

const under = useManager();
const tag = `ripcord-test/environment-${process.pid}:latest`;

/** An image made from ours with other variables, among them some that engines add to a container. */
const OF_IMAGE = {
  PATH: '/opt/odd:/usr/bin:/bin',
  FROM_IMAGE: 'from the image',
  EQUALS: 'a=b=c',
  EMPTY: '',
  LINES: 'one\ntwo',
  UMLAUT: 'grün',
  HOME: '/nowhere',
  HOSTNAME: 'of-the-image',
  TERM: 'dumb',
  container: 'of-the-image',
  OMP_NUM_THREADS: '7',
  PIP_RETRIES: '9',
  LANG: 'C',
};

beforeAll(async () => {
  const { body } = await engine<{ Id: string }>('POST', '/containers/create', {
    Image: 'ripcord/shell:latest',
    HostConfig: { NetworkMode: 'none' },
  });
  try {
    const [repo, name] = tag.split(':');
    const config = { Env: Object.entries(OF_IMAGE).map(([key, value]) => `${key}=${value}`) };
    const made = await engine('POST', `/commit?container=${body.Id}&repo=${repo}&tag=${name}`, config);
    expect(made.status).toBe(201);
  } finally {
    await engine('DELETE', `/containers/${body.Id}?force=1&v=1`);
  }
});
afterAll(() => engine('DELETE', `/images/${tag}?force=1`));

const CPUS = [
  ...['BLIS', 'MKL', 'NUMBA', 'NUMEXPR', 'OMP', 'OPENBLAS', 'RAYON'].map((name) => `${name}_NUM_THREADS`),
  ...['GOMAXPROCS', 'OPENCV_FOR_THREADS_NUM', 'POLARS_MAX_THREADS', 'TOKIO_WORKER_THREADS', 'VIPS_CONCURRENCY'],
];

/** In every sandbox of one CPU without a network. */
const USUAL = {
  ...Object.fromEntries(CPUS.map((name) => [name, '1'])),
  UV_THREADPOOL_SIZE: '4',
  BUNDLE_RETRY: '0',
  BUN_CONFIG_HTTP_RETRY_COUNT: '0',
  CARGO_NET_RETRY: '0',
  CONDA_REMOTE_MAX_RETRIES: '0',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  PIP_RETRIES: '1',
  UV_HTTP_RETRIES: '0',
  YARN_HTTP_RETRY: '0',
  npm_config_fetch_retries: '0',
  npm_config_update_notifier: 'false',
  HOME: '/home/sandbox',
  LANG: 'C.UTF-8',
  PATH: '/home/sandbox/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  PYTHONUNBUFFERED: '1',
  TMPDIR: '/tmp',
};

const environmentOf = (stdout: string): Record<string, string> =>
  Object.fromEntries(
    stdout
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

it.each([
  ['base', {}],
  ['shell', {}],
  ['python', {}],
  ['node', { npm_config_prefix: '/home/sandbox/.local' }],
])('of %s are these, and no others', async (image, more) => {
  await using sandbox = await under.manager.create({ image });
  const { stdout } = await sandbox.exec(['env', '-0']);
  expect(environmentOf(stdout)).toEqual({ ...USUAL, ...more });
});

it('of another image win over the usual ones, but for HOME and TMPDIR', async () => {
  await using sandbox = await under.manager.create({ image: tag });
  const { stdout } = await sandbox.exec(['/usr/bin/env', '-0']);
  expect(environmentOf(stdout)).toEqual({ ...USUAL, ...OF_IMAGE, HOME: '/home/sandbox' });
});

it('of the caller win over those of the image, also of one call, and in a sandbox of the pool', async () => {
  const options = { image: tag, env: { FROM_IMAGE: 'mine', OWN: 'x', HOME: '/tmp' }, reuse: true };
  const expected = { ...USUAL, ...OF_IMAGE, ...options.env };
  for (let round = 0; round < 2; round++) {
    await using sandbox = await under.manager.create(options);
    const { stdout } = await sandbox.exec(['/usr/bin/env', '-0'], { env: { OWN: 'y' } });
    expect(environmentOf(stdout)).toEqual({ ...expected, OWN: 'y' });
    expect((await sandbox.close()).reuse).toMatchObject({ recycled: true });
  }
});
