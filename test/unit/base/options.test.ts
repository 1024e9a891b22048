import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../src/base/errors.js';
import { parseSize } from '../../../src/base/option-fields.js';
import { parseOptions } from '../../../src/base/parse-options.js';
import * as command from '../../../src/command/options.js';
import * as egress from '../../../src/egress/options.js';
import * as files from '../../../src/files/options.js';
import * as launch from '../../../src/launch/options.js';
import * as ports from '../../../src/ports/options.js';
import * as manager from '../../../src/sandbox/options.js';
import { callersSchema } from '../../../src/server/options.js';
import { callerCreateSchema } from '../../../src/wire/sandboxes.js';

const { createSchema } = launch;
const { execSchema, runCodeSchema, spawnSchema } = command;
const { listSchema, readSchema, statSchema, writeSchema } = files;
const { managerSchema } = manager;

/** The message `input` is refused with. */
function refusal(schema: Parameters<typeof parseOptions>[0], input: unknown): string {
  try {
    parseOptions(schema, input, 'what');
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect(error).toMatchObject({ code: 'invalid-options', details: { problems: expect.any(Array) } });
    return (error as Error).message;
  }
  throw new Error('the options were accepted');
}

describe('parseSize', () => {
  it.each<[string | number, number]>([
    [0, 0],
    [1024, 1024],
    ['0', 0],
    ['1024', 1024],
    ['1b', 1],
    ['64k', 65_536],
    ['64kb', 65_536],
    ['64KiB', 65_536],
    ['512m', 536_870_912],
    ['512 MB', 536_870_912],
    ['1.5g', 1_610_612_736],
    [' 2G ', 2_147_483_648],
    ['1t', 1_099_511_627_776],
    ['0.5k', 512],
  ])('reads %j as %i bytes', (size, bytes) => {
    expect(parseSize(size)).toBe(bytes);
  });

  it.each<[string | number]>([
    [''],
    ['m'],
    ['1x'],
    ['1mm'],
    ['-1'],
    ['1e3'],
    ['0x10'],
    ['1 2'],
    ['1,5g'],
    ['٣'],
    [-1],
    [1.5],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    ['99999999t'],
  ])('refuses %j', (size) => {
    expect(parseSize(size)).toBeUndefined();
  });

  it('gives a whole number of bytes or nothing, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double(), fc.integer()), (size) => {
        const bytes = parseSize(size);
        expect(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)).toBe(true);
      }),
    );
  });
});

describe('defaults', () => {
  it('of create are those the documentation promises', () => {
    expect(parseOptions(createSchema, undefined, 'create')).toEqual({
      image: 'python',
      limits: { memory: 512 * 1024 ** 2, cpus: 1, pids: 256, cpuset: false, openFiles: 1024 },
      network: 'none',
      workspace: { mode: 'copy' },
      env: {},
      uids: 'auto',
      cwd: '/workspace',
      lifetimeMs: 3_600_000,
      leaseMs: 60_000,
      rootfs: 'read-only',
      warm: false,
      labels: {},
      reuse: false,
      createTimeoutMs: 60_000,
    });
  });

  it('of exec are those the documentation promises', () => {
    expect(parseOptions(execSchema, {}, 'exec')).toEqual({
      env: {},
      killGraceMs: 500,
      drainMs: 200,
      maxOutputBytes: 1024 ** 2,
      onOutputLimit: 'truncate',
      encoding: 'utf8',
    });
  });

  it('of a part of the limits leave the others as they are', () => {
    const { limits } = parseOptions(createSchema, { limits: { memory: '1g' } }, 'create');
    expect(limits).toMatchObject({ memory: 1024 ** 3, pids: 256, cpus: 1 });
  });

  it('make a seed of a path', () => {
    const { workspace } = parseOptions(createSchema, { workspace: { mode: 'copy', seed: '/src' } }, 'create');
    expect(workspace).toEqual({ mode: 'copy', seed: { from: '/src', ignore: [], gitignore: true } });
  });
});

describe('an unknown option', () => {
  it.each<[string, Parameters<typeof parseOptions>[0], object, string]>([
    ['case', execSchema, { timeoutMS: 5 }, "unknown option 'timeoutMS', did you mean 'timeoutMs'?"],
    ['a letter', execSchema, { stdn: 'x' }, "did you mean 'stdin'?"],
    ['a place', createSchema, { limits: { memry: 1 } }, "unknown option 'limits.memry', did you mean 'memory'?"],
    ['a place', createSchema, { workspace: { mode: 'bind', path: '/x', readonly: true } }, "'workspace.readonly'"],
    ['a place', createSchema, { workspace: { mode: 'copy', seed: { form: '/x' } } }, 'workspace.seed'],
    ['two', execSchema, { foo: 1, bar: 2 }, "unknown option 'foo'"],
    ['none near', statSchema, { everything: true }, '(known: signal, user, follow)'],
    ['another call', spawnSchema, { onStdout: () => {} }, "unknown option 'onStdout'"],
    ['prototype', statSchema, JSON.parse('{"__proto__x": 1}'), '__proto__x'],
  ])('is named with what was meant: %s', (_what, schema, input, message) => {
    expect(refusal(schema, input)).toContain(message);
  });

  it('is found in every schema', () => {
    const schemas = Object.entries({ ...launch, ...command, ...files, ...manager, ...egress, ...ports }).filter(
      ([name]) => name.endsWith('Schema') && !/^(size|seed|workspace)/.test(name),
    );
    expect(schemas.length).toBeGreaterThanOrEqual(15);
    for (const [, schema] of schemas) {
      expect(refusal(schema as never, { certainlyNotAnOption: 1 })).toContain("unknown option 'certainlyNotAnOption'");
    }
  });

  it('does not hide the others that are wrong', () => {
    const message = refusal(execSchema, { foo: 1, timeoutMs: -1, cwd: '' });
    expect(message).toMatch(/^what: /);
    for (const part of ["'foo'", 'timeoutMs', 'cwd']) expect(message).toContain(part);
  });
});

describe('a value that is wrong', () => {
  it.each<[Parameters<typeof parseOptions>[0], object, ...string[]]>([
    [createSchema, { limits: { memory: '12 apples' } }, 'limits.memory', "'512m'", '12 apples'],
    [createSchema, { limits: { memory: '8m' } }, 'limits.memory', 'at least 16m'],
    [createSchema, { limits: { cpus: 0 } }, 'limits.cpus', 'got 0'],
    // An engine would read these as 'without a limit'.
    [createSchema, { limits: { cpus: 1e-7 } }, 'limits.cpus', 'at least 0.01', 'got 1e-7'],
    [createSchema, { limits: { cpus: 0.009 } }, 'limits.cpus', 'at least 0.01'],
    [createSchema, { limits: { cpus: Number.NaN } }, 'limits.cpus'],
    [createSchema, { limits: { cpus: Number.POSITIVE_INFINITY } }, 'limits.cpus'],
    [createSchema, { limits: { memory: 0 } }, 'limits.memory', 'at least 16m'],
    [createSchema, { limits: { workspace: 0 } }, 'limits.workspace', 'at least one page'],
    [createSchema, { limits: { tmp: '0k' } }, 'limits.tmp', 'at least one page'],
    [createSchema, { limits: { shm: 1 } }, 'limits.shm', 'at least one page'],
    [createSchema, { limits: { cpuset: '0-' } }, 'limits.cpuset', 'numbers of CPUs'],
    [createSchema, { limits: { cpuset: 1 } }, 'limits.cpuset'],
    [callerCreateSchema, { limits: { cpuset: '0' } }, 'limits.cpuset'],
    [createSchema, { limits: { files: 0 } }, 'limits.files'],
    [createSchema, { limits: { files: 2 ** 31 } }, 'limits.files'],
    [createSchema, { limits: { openFiles: 0 } }, 'limits.openFiles'],
    [createSchema, { limits: { pids: 2 } }, 'limits.pids'],
    [createSchema, { limits: { sockets: 15 } }, 'limits.sockets', 'got 15'],
    [createSchema, { limits: { sockets: 2 ** 21 } }, 'limits.sockets'],
    [createSchema, { limits: { sockets: '1k' } }, 'limits.sockets'],
    [callersSchema, { maxSandboxSockets: 0 }, 'maxSandboxSockets'],
    [callersSchema, { maxCpus: 1e-7 }, 'maxCpus', 'at least 0.01'],
    [callersSchema, { maxMemory: 0 }, 'maxMemory', 'at least 16m'],
    [callersSchema, { maxPids: 1 }, 'maxPids'],
    [callerCreateSchema, { limits: { cpus: 1e-7 } }, 'limits.cpus', 'at least 0.01'],
    // -1, which means "no change" to the kernel, and numbers that others read in another way.
    [createSchema, { user: 2 ** 32 - 1 }, 'user'],
    [createSchema, { user: '1000:4294967295' }, 'user'],
    [createSchema, { user: '0x3e8' }, 'user'],
    [createSchema, { user: '1e3' }, 'user'],
    [createSchema, { network: 'host' }, 'network', 'none'],
    [createSchema, { cwd: 'x' }, 'cwd', 'absolute path', 'got "x"'],
    [createSchema, { env: { 'A=B': '' } }, 'env.A=B', "must not contain '='"],
    [createSchema, { env: { A: 'a\0b' } }, 'env.A', 'NUL'],
    [createSchema, { env: { A: 1 } }, 'env.A'],
    [createSchema, { user: -1 }, 'user'],
    [createSchema, { user: 'a b' }, 'user', "'user:group'"],
    [createSchema, { user: 'a:b:c' }, 'user'],
    [createSchema, { labels: { 'ripcord.x': 'y' } }, 'reserved'],
    [createSchema, { leaseMs: 10 }, 'leaseMs'],
    [createSchema, { lifetimeMs: 2 ** 31 }, 'lifetimeMs'],
    [createSchema, { lifetimeMs: 1.5 }, 'lifetimeMs'],
    [createSchema, { signal: {} }, 'signal', 'AbortSignal'],
    [execSchema, { maxOutputBytes: '17m' }, 'maxOutputBytes', 'at most 16m'],
    [execSchema, { onStdout: 'print' }, 'onStdout', 'function'],
    [execSchema, { stdin: 5 }, 'stdin', 'async iterable'],
    [execSchema, { killGraceMs: -1 }, 'killGraceMs'],
    [spawnSchema, { pty: { cols: 0, rows: 24 } }, 'pty'],
    [runCodeSchema, { language: 'cobol' }, 'language', 'python'],
    [writeSchema, { mode: 0o1777 }, 'mode'],
    [listSchema, { depth: 0 }, 'depth'],
    [readSchema, { offset: -1 }, 'offset'],
  ])('is named with its place and what was expected: %#', (schema, input, ...parts) => {
    const message = refusal(schema, input);
    for (const part of parts) expect(message).toContain(part);
  });

  it('that is no object at all is refused too', () => {
    for (const input of ['x', 5, [], () => {}]) expect(refusal(execSchema, input)).toMatch(/^what: /);
  });
});

it('takes a uid as a number, and 0 for root', () => {
  expect(parseOptions(execSchema, { user: 0 }, 'exec').user).toBe('0');
  expect(parseOptions(execSchema, { user: 1234 }, 'exec').user).toBe('1234');
  expect(parseOptions(execSchema, { user: '00:0100' }, 'exec').user).toBe('0:100');
  expect(parseOptions(execSchema, { user: 'www-data:sandbox' }, 'exec').user).toBe('www-data:sandbox');
});

describe('own properties', () => {
  const inherited = <T extends object>(properties: T): T => Object.create(properties) as T;

  it('alone are options, at every depth', () => {
    expect(parseOptions(execSchema, inherited({ user: 0, timeoutMs: 5 }), 'exec')).not.toHaveProperty('user');
    expect(parseOptions(execSchema, inherited({ nonsense: 1 }), 'exec')).not.toHaveProperty('nonsense');
    const { limits } = parseOptions(createSchema, { limits: inherited({ memory: '64m' }) }, 'create');
    expect(limits.memory).toBe(512 * 1024 ** 2);
    const inject = [inherited({ host: 'a.example', header: 'x', fromEnv: 'HOME' })];
    expect(refusal(createSchema, { network: { allow: [], inject } })).toContain('network');
    const { env } = parseOptions(execSchema, { env: inherited({ LD_PRELOAD: '/x' }) }, 'exec');
    expect(Object.keys(env)).toEqual([]);
  });

  it('are what counts where some code has written to the prototype of all objects', () => {
    const prototype = Object.prototype as { user?: unknown; network?: unknown; nonsense?: unknown };
    Object.assign(prototype, { user: 0, network: 'bridge', nonsense: 1 });
    try {
      expect(Object.hasOwn(parseOptions(execSchema, { timeoutMs: 1 }, 'exec'), 'user')).toBe(false);
      expect(parseOptions(createSchema, { limits: {} }, 'create').network).toBe('none');
    } finally {
      delete prototype.user;
      delete prototype.network;
      delete prototype.nonsense;
    }
  });

  it('include those that objects inherit a namesake of', () => {
    const env = JSON.parse('{"constructor": "a", "toString": "b"}');
    expect(parseOptions(execSchema, { env }, 'exec').env).toEqual(env);
    expect(refusal(execSchema, JSON.parse('{"__proto__": {"user": 0}}'))).toContain("unknown option '__proto__'");
    // zod leaves it out without a word.
    expect(() => parseOptions(execSchema, { env: JSON.parse('{"__proto__": "x"}') }, 'exec')).toThrow(
      'exec: env.__proto__: this name cannot be used',
    );
  });

  it('leave what is no plain options object as it is', () => {
    const signal = new AbortController().signal;
    const stdin = Buffer.from('x');
    const parsed = parseOptions(execSchema, { signal, stdin }, 'exec');
    expect(parsed.signal).toBe(signal);
    expect(parsed.stdin).toBe(stdin);
    const logger = { warn() {} };
    expect(parseOptions(managerSchema, { logger }, 'open').logger).toBe(logger);
  });
});
