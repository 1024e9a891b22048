import { expect, it } from 'vitest';
import { createSchema } from '../../../src/launch/options.js';
import { keptOptions, mouldKey, pooledOptions, poolKey } from '../../../src/pool/pool-key.js';
import { parsePool } from '../../../src/pool/pool-options.js';

const key = (options: object) => poolKey(createSchema.parse(options));

it('is the same for what can be set when a sandbox is claimed', () => {
  const plain = key({});
  for (const options of [
    { env: { A: '1' } },
    { cwd: '/tmp' },
    { lifetimeMs: 1, leaseMs: 1000 },
    { createTimeoutMs: 1 },
    { reuse: 'somebody' },
    { network: { allow: ['example.org'] } },
    { workspace: { mode: 'copy', seed: '/somewhere' } },
    { limits: { memory: '512m' } },
    { limits: { sockets: 99 } },
    { labels: {} },
  ]) {
    expect(key(options), JSON.stringify(options)).toBe(plain);
  }
});

it('differs for what is decided when a container is made', () => {
  const others = [
    { image: 'node' },
    { limits: { memory: '256m' } },
    { limits: { cpus: 2 } },
    { limits: { pids: 100 } },
    { limits: { workspace: '1m' } },
    { limits: { tmp: '1m' } },
    { limits: { shm: '1m' } },
    { limits: { cpuset: true } },
    { limits: { cpuset: '0' } },
    { limits: { home: '1m' } },
    { limits: { files: 100 } },
    { limits: { homeFiles: 100 } },
    { limits: { tmpFiles: 100 } },
    { limits: { openFiles: 100 } },
    { network: 'bridge' },
    { user: 1001 },
    { uids: 'own' },
    { runtime: 'runsc' },
    { rootfs: 'writable' },
    { warm: true },
    { labels: { a: 'b' } },
    { labels: { a: 'c' } },
  ];
  const keys = new Set([key({}), ...others.map(key)]);
  expect(keys.size).toBe(others.length + 1);
  expect(key({ labels: { a: '1', b: '2' } })).toBe(key({ labels: { b: '2', a: '1' } }));
});

it('has a part that limits of a running container do not change, unless they decide the size of its tmpfs', () => {
  const mould = (limits: object) => mouldKey(createSchema.parse({ limits }));
  expect(mould({ cpus: 2, pids: 100 })).toBe(mould({}));
  const sized = { tmp: '10m', workspace: '10m', home: '10m', shm: '10m', files: 99, homeFiles: 99, tmpFiles: 99 };
  expect(mould({ ...sized, memory: '256m' })).toBe(mould({ ...sized, memory: '512m' }));
  expect(mould({ memory: '64m' })).not.toBe(mould({ memory: '128m' }));
});

it('is none for a directory of the host', () => {
  expect(key({ workspace: { mode: 'bind', path: '/x' } })).toBeUndefined();
});

it('survives making: what is made for a key has that key, and nothing of whoever asked', () => {
  const asked = createSchema.parse({
    image: 'node',
    limits: { cpus: 2 },
    env: { SECRET: 'x' },
    cwd: '/tmp',
    labels: { a: 'b' },
    reuse: true,
    workspace: { mode: 'copy', seed: '/somewhere' },
    network: { allow: ['example.org'] },
  });
  const made = pooledOptions(asked);
  expect(poolKey(made)).toBe(poolKey(asked));
  expect(made).toMatchObject({
    env: {},
    cwd: '/workspace',
    reuse: false,
    network: 'none',
    workspace: { mode: 'copy' },
  });
  expect(made.workspace).not.toHaveProperty('seed');
});

it("takes what an entry leaves out from the manager's defaults", () => {
  const pool = parsePool([{ size: 2 }, { size: 1, image: 'node', limits: { cpus: 2 } }]);
  const [first, second] = keptOptions(pool, { image: 'shell', limits: { memory: '128m' }, env: { A: '1' } });
  expect(first).toMatchObject({ size: 2, options: { image: 'shell', limits: { memory: 128 * 1024 ** 2 }, env: {} } });
  expect(second).toMatchObject({ size: 1, options: { image: 'node', limits: { cpus: 2, memory: 512 * 1024 ** 2 } } });
});

it('is wrong about no option of a pool', () => {
  const keep = (entry: object) => () => keptOptions(parsePool([{ size: 1, ...entry }]), {});
  expect(keep({ imag: 'x' })).toThrow(/keep\.0\.imag.*did you mean 'image'/);
  expect(keep({ size: 0 })).toThrow(/keep\.0\.size/);
  expect(keep({ limits: { cpu: 1 } })).toThrow(/pool\.0.*limits\.cpu.*did you mean 'cpus'/);
  expect(keep({ env: {} })).toThrow(/env/);
  expect(() => parsePool({ lern: true })).toThrow(/did you mean 'learn'/);
  expect(() => parsePool({ max: 0 })).toThrow(/max/);
  const bound = { workspace: { mode: 'bind', path: '/x' } as const };
  expect(() => keptOptions(parsePool([{ size: 1 }]), bound)).toThrow(/bind/);
  expect(parsePool([{ size: 20 }]).max).toBe(28);
  expect(parsePool({ keep: [{ size: 20 }], max: 5 }).max).toBe(20);
  expect(parsePool(undefined)).toMatchObject({ keep: [], learn: false, max: 8 });
});
