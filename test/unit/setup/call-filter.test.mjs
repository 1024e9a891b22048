// The agent's filter of system calls against the profile it is made of: a small BPF interpreter runs the one, a plain
// reading of the rules decides by the other.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileFilter, filterHeader, NUMBERS } from '../../../scripts/seccomp/filter.mjs';

/** @typedef {import('../../../scripts/seccomp/derive.mjs').Rule} Rule */
/** @typedef {import('../../../scripts/seccomp/derive.mjs').Profile} Profile */
/** @typedef {{ number: number, audit: number, args: bigint[] }} Call */

/** @type {Profile} */
const profile = JSON.parse(readFileSync(new URL('../../../sandbox-images/seccomp.json', import.meta.url), 'utf8'));
const ALLOW = 'allow';
const KILL = 'kill';
const ENOSYS = 'errno 38';
const X32_BIT = 0x40000000;
const NO_ARGS = Array(6).fill(0n);
/** One call takes at most so many instructions if its arguments do not matter: the program has some 350. */
const STEPS_MAX = 16;

const ARCHES = /** @type {const} */ ([
  { arch: 'x64', go: 'amd64', audit: 0xc000003e, other: 0x40000003 },
  { arch: 'arm64', go: 'arm64', audit: 0xc00000b7, other: 0x40000028 },
]);

/** @param {Call} call as the kernel shows it to a filter: `struct seccomp_data`, little-endian */
function dataOf({ number, audit, args }) {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(audit >>> 0, 4);
  for (const [i, arg] of args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, arg), 16 + 8 * i);
  return data;
}

/** @param {number} value */
function nameAction(value) {
  if (value === 0x7fff0000) return ALLOW;
  if (value === 0x80000000) return KILL;
  if (value >>> 16 === 5) return `errno ${value & 0xffff}`;
  throw new Error(`no action: ${value.toString(16)}`);
}

/** @param {import('../../../scripts/seccomp/filter.mjs').Instruction[]} program @param {Call} call */
function run(program, call) {
  const data = dataOf(call);
  let accumulator = 0;
  let at = 0;
  for (let steps = 1; ; steps++) {
    const next = program[at++];
    if (next === undefined) throw new Error(`the program runs past its end at ${at}`);
    const { code, jt, jf, k } = next;
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) at += k;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else if (code === 0x06) return { action: nameAction(k), steps };
    else throw new Error(`no instruction: ${code}`);
  }
}

/** @param {Rule} rule @param {string} go */
const isFor = ({ includes, excludes }, go) =>
  (includes?.arches?.includes(go) ?? true) && !includes?.caps && !excludes?.arches?.includes(go);

/** @param {Rule} rule @param {bigint[]} args */
function matches({ args = [] }, args64) {
  return args.every(({ index, value, valueTwo = 0, op }) => {
    const arg = BigInt.asUintN(64, args64[index]);
    if (op === 'SCMP_CMP_EQ') return arg === BigInt(value);
    if (op === 'SCMP_CMP_MASKED_EQ') return (arg & BigInt(value)) === BigInt(valueTwo);
    throw new Error(`no comparison: ${op}`);
  });
}

/** @param {(typeof ARCHES)[number]} where @returns {(call: Call) => string} */
function decider({ arch, go, audit }) {
  const numbers = NUMBERS[arch];
  const rules = profile.syscalls.filter((rule) => isFor(rule, go));
  const last = Math.max(...rules.flatMap(({ names }) => names.map((name) => numbers[name] ?? -1)));
  const otherwise = `errno ${profile.defaultErrnoRet}`;
  return (call) => {
    if (call.audit !== audit) return KILL;
    if (arch === 'x64' && call.number >= X32_BIT) return call.number === 0xffffffff ? otherwise : KILL;
    if (call.number > last) return ENOSYS;
    const said = rules
      .filter(({ names }) => names.some((name) => numbers[name] === call.number))
      .filter((rule) => matches(rule, call.args))
      .map(({ action, errnoRet }) => (action === 'SCMP_ACT_ALLOW' ? ALLOW : `errno ${errnoRet ?? 1}`));
    expect(new Set(said).size, `rules that contradict each other for ${call.number}`).toBeLessThanOrEqual(1);
    return said[0] ?? otherwise;
  };
}

/** Arguments that fulfil a rule, and each of those with one bit changed. @param {Rule} rule */
function argumentsAround({ args = [] }) {
  const fulfilled = [...NO_ARGS];
  for (const { index, value, valueTwo = 0, op } of args)
    fulfilled[index] = BigInt(op === 'SCMP_CMP_EQ' ? value : valueTwo);
  const changed = args.flatMap(({ index }) =>
    Array.from({ length: 64 }, (_, bit) => fulfilled.with(index, fulfilled[index] ^ (1n << BigInt(bit)))),
  );
  return [fulfilled, fulfilled.map((arg) => arg | (0x5n << 32n)), ...changed];
}

describe.each(ARCHES)("the agent's filter of system calls on $arch", (where) => {
  const { arch, audit, other } = where;
  const { instructions, needed } = compileFilter(profile, arch);
  const decide = decider(where);
  const numbers = [...Array(1200).keys(), X32_BIT - 1, X32_BIT, X32_BIT + 39, 0x7fffffff, 0x80000000, 0xffffffff];

  it('decides every number as the profile does', () => {
    for (const number of numbers) {
      const call = { number, audit, args: NO_ARGS };
      expect([number, run(instructions, call).action]).toEqual([number, decide(call)]);
    }
    const count = (/** @type {string} */ action) =>
      numbers.filter((number) => decide({ number, audit, args: NO_ARGS }) === action).length;
    // A reading without a single rule would agree with a program without one.
    expect(count(ALLOW)).toBeGreaterThan(240);
    expect(count('errno 1')).toBeGreaterThan(30);
  });

  it('decides arguments as the profile does, to the bit', () => {
    const conditional = profile.syscalls.filter(({ args = [] }) => args.length > 0);
    expect(conditional.length).toBeGreaterThan(30);
    for (const rule of conditional) {
      for (const args of argumentsAround(rule)) {
        for (const name of rule.names) {
          const call = { number: NUMBERS[arch][name], audit, args };
          expect([name, args, run(instructions, call).action]).toEqual([name, args, decide(call)]);
        }
      }
    }
  });

  it.each([
    ['AF_INET, TCP', 'socket', [2n, 1n, 6n], ALLOW],
    ['AF_INET, TCP, close-on-exec', 'socket', [2n, 0x80001n, 0n], ALLOW],
    ['AF_INET, raw', 'socket', [2n, 3n, 1n], 'errno 1'],
    ['AF_VSOCK', 'socket', [40n, 1n, 0n], 'errno 1'],
    ['AF_VSOCK in disguise', 'socket', [40n + (1n << 32n), 1n, 0n], 'errno 1'],
    ['a size of a buffer', 'setsockopt', [3n, 1n, 8n], 'errno 0'],
    ['SO_REUSEADDR', 'setsockopt', [3n, 1n, 2n], ALLOW],
    ['a new user namespace', 'clone', [0x10000000n], 'errno 1'],
    ['a thread', 'clone', [0x3d0f00n], ALLOW],
    ['clone3', 'clone3', [], ENOSYS],
    ['io_uring', 'io_uring_setup', [], 'errno 1'],
    ['unshare', 'unshare', [0x10000000n], 'errno 1'],
    ['another personality', 'personality', [0x0040000n], 'errno 1'],
  ])('%s: %s', (_what, name, args, action) => {
    const call = { number: NUMBERS[arch][name], audit, args: NO_ARGS.map((zero, i) => args[i] ?? zero) };
    expect(run(instructions, call).action).toBe(action);
  });

  it('kills calls of another architecture, whatever their number is', () => {
    for (const number of [0, 1, 39, 172, 999]) {
      expect(run(instructions, { number, audit: other, args: NO_ARGS }).action).toBe(KILL);
    }
  });

  it('finds the answer in a few steps, within what the kernel takes', () => {
    const steps = numbers.map((number) => run(instructions, { number, audit, args: NO_ARGS }));
    const allowed = steps.filter(({ action }) => action === ALLOW).map(({ steps: taken }) => taken);
    expect(Math.max(...allowed)).toBeLessThanOrEqual(STEPS_MAX);
    expect(instructions.length).toBeLessThan(1000);
    for (const { jt, jf } of instructions) expect(Math.max(jt, jf)).toBeLessThanOrEqual(255);
  });

  it('knows which calls need a newer kernel', () => {
    const number = NUMBERS[arch].ptrace;
    expect(needed).toEqual([{ number, major: 4, minor: 8, action: 0x50001 }]);
  });
});

describe('the numbers of system calls', () => {
  it('are there for all names of the profile but those of 32-bit and other processors', () => {
    const named = new Set(profile.syscalls.flatMap(({ names }) => names));
    const unknown = [...named].filter((name) => !(name in NUMBERS.x64) && !(name in NUMBERS.arm64));
    const foreign =
      /32$|64$|^(_llseek|_newselect|mmap2|recv|send|sigprocmask|sigreturn|ugetrlimit|waitpid|riscv_hwprobe|arm_\w+|sync_file_range2|breakpoint|cacheflush|set_tls)$/;
    expect(unknown.filter((name) => !foreign.test(name))).toEqual([]);
    for (const name of ['clone3', 'openat2', 'mseal', 'setxattrat']) expect(named).toContain(name);
  });

  it('are the same on both processors from 424 on, and no two calls have one', () => {
    for (const [name, number] of Object.entries(NUMBERS.x64)) {
      if (number >= 424) expect(NUMBERS.arm64[name]).toBe(number);
    }
    for (const table of [NUMBERS.x64, NUMBERS.arm64]) {
      expect(new Set(Object.values(table)).size).toBe(Object.keys(table).length);
    }
  });
});

describe('the compiler', () => {
  /** @param {Partial<Rule>[]} syscalls */
  const withRules = (...syscalls) => ({
    ...profile,
    syscalls: /** @type {Rule[]} */ ([...profile.syscalls, ...syscalls]),
  });

  it.each([
    ['an action it does not know', { names: ['read'], action: 'SCMP_ACT_TRACE' }, 'SCMP_ACT_TRACE'],
    [
      'a comparison it does not know',
      { names: ['mount'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 1, op: 'SCMP_CMP_GT' }] },
      'SCMP_CMP_GT',
    ],
    [
      'a comparison that is never true',
      {
        names: ['mount'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: 1, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' }],
      },
      'never be true',
    ],
    ['two answers to one call', { names: ['read'], action: 'SCMP_ACT_ERRNO' }, 'both allows and refuses read'],
    [
      'a call that only some kernels have a rule for, twice',
      { names: ['ptrace'], action: 'SCMP_ACT_ALLOW' },
      'more than one rule for ptrace',
    ],
    [
      'no version of a kernel',
      { names: ['mount'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: 'new' } },
      'a kernel new',
    ],
  ])('refuses %s', (_what, rule, message) => {
    expect(() => compileFilter(withRules(rule), 'x64')).toThrow(message);
  });

  it('leaves out what capabilities of the container are asked for that it does not have', () => {
    const added = (/** @type {object} */ includes) =>
      withRules({ names: ['mount'], action: 'SCMP_ACT_ALLOW', includes });
    const mount = (/** @type {Profile} */ with_) =>
      run(compileFilter(with_, 'x64').instructions, { number: NUMBERS.x64.mount, audit: 0xc000003e, args: NO_ARGS })
        .action;
    expect(mount(added({ caps: ['CAP_SYS_ADMIN'] }))).toBe('errno 1');
    expect(mount(added({ caps: ['CAP_KILL'] }))).toBe(ALLOW);
    expect(mount(added({ arches: ['arm64'] }))).toBe('errno 1');
  });

  it('writes a program for each processor', () => {
    const header = filterHeader(profile);
    for (const { arch } of ARCHES) {
      for (const { code, jt, jf, k } of compileFilter(profile, arch).instructions.slice(0, 40)) {
        expect(header).toContain(`{0x${code.toString(16)}, ${jt}, ${jf}, 0x${k.toString(16)}},`);
      }
    }
    expect(header).toMatch(/#if defined\(__x86_64__\)[\s\S]*#elif defined\(__aarch64__\)[\s\S]*#error/);
  });
});
