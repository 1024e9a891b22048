/**
 * Compiles a seccomp profile into the BPF program that the agent installs. The decisions are those that runc makes of the
 * profile with libseccomp: another architecture is killed, calls newer than every call of the profile are ENOSYS, and rules
 * for calls that an architecture does not have are left out.
 *
 * @see `man 2 seccomp`
 */
import { readFileSync } from 'node:fs';
import { ARCHITECTURES, CAPABILITIES } from './derive.mjs';

/** @typedef {import('./derive.mjs').Rule} Rule */
/** @typedef {import('./derive.mjs').Profile} Profile */
/** @typedef {{ code: number, jt: number, jf: number, k: number }} Instruction `struct sock_filter` */
/** @typedef {{ number: number, major: number, minor: number, action: number }} Needed a call that is refused before that kernel */
/** @typedef {{ instructions: Instruction[], needed: Needed[] }} Filter */
/** @typedef {'x64' | 'arm64'} Arch */

/** Names of each architecture, and its AUDIT_ARCH (linux/audit.h). */
const ARCHES = {
  x64: { seccomp: 'SCMP_ARCH_X86_64', audit: 0xc000003e, macro: '__x86_64__' },
  arm64: { seccomp: 'SCMP_ARCH_AARCH64', audit: 0xc00000b7, macro: '__aarch64__' },
};

/** linux/bpf_common.h */
const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP = 0x05; // BPF_JMP | BPF_JA
const JEQ = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JGE = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
const JUMP_MAX = 255;

/** Offsets in `struct seccomp_data`, little-endian. */
const NUMBER = 0;
const ARCH = 4;
const low = (/** @type {number} */ index) => 16 + 8 * index;
const high = (/** @type {number} */ index) => low(index) + 4;

/** linux/seccomp.h */
export const KILL_PROCESS = 0x80000000;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;
/** Numbers of x32 programs have this bit. A tracer sets the number to -1 to leave a call out. */
const X32 = 0x40000000;
const NO_CALL = 0xffffffff;

/** @type {Record<Arch, Record<string, number>>} */
export const NUMBERS = JSON.parse(readFileSync(new URL('syscalls.json', import.meta.url), 'utf8'));

/** @param {number} code @param {number} k @param {number} [jt] @param {number} [jf] @returns {Instruction} */
const instruction = (code, k, jt = 0, jf = 0) => ({ code, jt, jf, k: k >>> 0 });

/** @param {{ action: string, errnoRet?: number }} rule @param {number} fallback */
function actionOf({ action, errnoRet }, fallback) {
  if (action === 'SCMP_ACT_ALLOW') return ALLOW;
  if (action === 'SCMP_ACT_ERRNO') return ERRNO | (errnoRet ?? fallback);
  throw new Error(`The profile has the action ${action}; a filter is made of SCMP_ACT_ALLOW and SCMP_ACT_ERRNO.`);
}

/** @param {Rule} rule @param {string} arch by Go's name */
function applies({ includes = {}, excludes = {} }, arch) {
  if (excludes.minKernel) throw new Error('A rule for old kernels alone (excludes.minKernel) cannot be compiled.');
  const within = includes.arches === undefined || includes.arches.includes(arch);
  const without = excludes.arches?.includes(arch) || excludes.caps?.some((name) => CAPABILITIES.includes(name));
  return within && !without && (includes.caps ?? []).every((name) => CAPABILITIES.includes(name));
}

/** The two halves of a 64-bit comparison. @param {number} value */
function halves(value) {
  const whole = BigInt.asUintN(64, BigInt(value));
  return { low: Number(whole & 0xffffffffn), high: Number(whole >> 32n) };
}

/**
 * Instructions that go on when the argument is as the rule wants it. Jumps to `Infinity` leave the rule.
 * @param {import('./derive.mjs').Argument} argument
 * @returns {Instruction[]}
 */
function compare({ index, value, valueTwo = 0, op }) {
  if (op !== 'SCMP_CMP_EQ' && op !== 'SCMP_CMP_MASKED_EQ') throw new Error(`The comparison ${op} cannot be compiled.`);
  const masked = op === 'SCMP_CMP_MASKED_EQ';
  const mask = masked ? halves(value) : { low: NO_CALL, high: NO_CALL };
  const wanted = halves(masked ? valueTwo : value);
  return /** @type {const} */ (['low', 'high']).flatMap((half) => {
    if ((wanted[half] & ~mask[half]) !== 0) throw new Error(`${op} of argument ${index} can never be true.`);
    if (mask[half] === 0) return [];
    return [
      instruction(LOAD, half === 'low' ? low(index) : high(index)),
      ...(mask[half] === NO_CALL ? [] : [instruction(AND, mask[half])]),
      instruction(JEQ, wanted[half], 0, Number.POSITIVE_INFINITY),
    ];
  });
}

/** One call whose answer depends on its arguments. @param {Rule[]} rules @param {number} otherwise @param {number} errno */
function compileRules(rules, otherwise, errno) {
  const program = rules.flatMap((rule) => {
    const checks = (rule.args ?? []).flatMap(compare);
    return checks
      .map((each, at) => (each.jf === Number.POSITIVE_INFINITY ? { ...each, jf: checks.length - at } : each))
      .concat(instruction(RETURN, actionOf(rule, errno)));
  });
  return [...program, instruction(RETURN, otherwise)];
}

/** @param {string} name @param {Rule[]} rules @param {number} otherwise @param {number} errno */
function leafOf(name, rules, otherwise, errno) {
  if (rules.length === 0) return [instruction(RETURN, otherwise)];
  const plain = rules.filter(({ args = [] }) => args.length === 0);
  const actions = new Set(rules.map((rule) => actionOf(rule, errno)));
  if (plain.length === 0) return compileRules(rules, otherwise, errno);
  if (actions.size > 1) throw new Error(`The profile both allows and refuses ${name} whatever its arguments are.`);
  return [instruction(RETURN, [...actions][0] ?? otherwise)];
}

/** @param {string} version */
function parseKernel(version) {
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(version) ?? [];
  if (major === undefined) throw new Error(`The profile asks for a kernel ${version}, which is not a version.`);
  return { major: Number(major), minor: Number(minor) };
}

/** @typedef {{ from: number, body: Instruction[] }} Range of numbers with one answer, up to the next one */

/** A binary search that ends in one of the ranges. @param {Range[]} ranges @returns {Instruction[]} */
function search(ranges) {
  const [only] = ranges;
  if (ranges.length === 1 && only) return only.body;
  const middle = Math.ceil(ranges.length / 2);
  const left = search(ranges.slice(0, middle));
  const right = search(ranges.slice(middle));
  const from = /** @type {Range} */ (ranges[middle]).from;
  const way =
    left.length <= JUMP_MAX
      ? [instruction(JGE, from, left.length, 0)]
      : [instruction(JGE, from, 0, 1), instruction(JUMP, left.length)];
  return [...way, ...left, ...right];
}

/** @param {Range[]} ranges neighbours with the same answer become one */
function merge(ranges) {
  const text = ({ /** @type {Instruction[]} */ body }) => JSON.stringify(body);
  return ranges.filter((range, at) => at === 0 || text(range) !== text(/** @type {Range} */ (ranges[at - 1])));
}

/**
 * @param {Profile} profile
 * @param {Arch} arch
 * @returns {Filter}
 */
export function compileFilter(profile, arch) {
  const { seccomp, audit } = ARCHES[arch];
  const goName = ARCHITECTURES[/** @type {keyof typeof ARCHITECTURES} */ (seccomp)];
  if (!profile.archMap.some(({ architecture }) => architecture === seccomp)) {
    throw new Error(`The profile has no ${seccomp}.`);
  }
  const errno = profile.defaultErrnoRet ?? EPERM;
  const otherwise = actionOf({ action: profile.defaultAction }, errno);
  const numbers = NUMBERS[arch];
  const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
  const rules = profile.syscalls.filter((rule) => applies(rule, goName));
  const rulesOf = (/** @type {string | undefined} */ name) =>
    name === undefined ? [] : rules.filter((rule) => rule.names.includes(name));
  const last = Math.max(...rules.flatMap((rule) => rule.names).map((name) => numbers[name] ?? -1));

  /** @type {Range[]} */
  const ranges = [];
  for (let number = 0; number <= last; number++) {
    const name = names.get(number);
    ranges.push({ from: number, body: leafOf(name ?? `${number}`, rulesOf(name), otherwise, errno) });
  }
  ranges.push({ from: last + 1, body: [instruction(RETURN, ERRNO | ENOSYS)] });
  if (arch === 'x64') {
    ranges.push({ from: X32, body: [instruction(RETURN, KILL_PROCESS)] });
    ranges.push({ from: NO_CALL, body: [instruction(RETURN, otherwise)] });
  }
  const instructions = [
    instruction(LOAD, ARCH),
    instruction(JEQ, audit, 1, 0),
    instruction(RETURN, KILL_PROCESS),
    instruction(LOAD, NUMBER),
    ...search(merge(ranges)),
  ];
  return { instructions, needed: neededOf(rules, numbers, otherwise) };
}

/**
 * The compiler does not know the kernel: the agent puts a refusal in front for those calls whose kernel is newer.
 * @param {Rule[]} rules @param {Record<string, number>} numbers @param {number} action
 * @returns {Needed[]}
 */
function neededOf(rules, numbers, action) {
  return rules.flatMap(({ names, includes }) => {
    if (includes?.minKernel === undefined) return [];
    const kernel = parseKernel(includes.minKernel);
    return names.flatMap((name) => {
      if (rules.filter((rule) => rule.names.includes(name)).length > 1) {
        throw new Error(`The profile has more than one rule for ${name}, one of them for some kernels only.`);
      }
      const number = numbers[name];
      return number === undefined ? [] : [{ number, ...kernel, action }];
    });
  });
}

/** @param {number} value */
const hex = (value) => `0x${value.toString(16)}`;

/** @param {Filter} filter */
const lines = ({ instructions, needed }) => [
  'static const struct sock_filter call_filter[] = {',
  ...instructions.map(({ code, jt, jf, k }) => `    {${hex(code)}, ${jt}, ${jf}, ${hex(k)}},`),
  '};',
  'static const struct needed_kernel needed_kernels[] = {',
  ...needed.map(({ number, major, minor, action }) => `    {${number}, ${major}, ${minor}, ${hex(action)}},`),
  '};',
];

/**
 * The C header with the filters of all architectures, for session/call-filter.c.
 * @param {Profile} profile
 */
export function filterHeader(profile) {
  const arches = /** @type {Arch[]} */ (Object.keys(ARCHES));
  const parts = arches.map((arch, at) => [
    `${at === 0 ? '#if' : '#elif'} defined(${ARCHES[arch].macro})`,
    ...lines(compileFilter(profile, arch)),
  ]);
  return [
    '/* Made of sandbox-images/seccomp.json by scripts/seccomp/filter.mjs. */',
    ...parts.flat(),
    '#else',
    '#error "the agent has no filter of system calls for this processor"',
    '#endif',
    '',
  ].join('\n');
}
