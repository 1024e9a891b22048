import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveProfile } from '../../../scripts/seccomp/derive.mjs';

const ALLOW = 'SCMP_ACT_ALLOW';
const text = (/** @type {string} */ file) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
const allow = (/** @type {string[]} */ names, more = {}) => ({ names, action: ALLOW, ...more });

/** @param {import('../../../scripts/seccomp/derive.mjs').Rule[]} syscalls */
function derive(syscalls) {
  const archMap = [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_S390X', subArchitectures: null },
  ];
  const profile = deriveProfile({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, archMap, syscalls }, {});
  const isSocket = (/** @type {{ names: string[] }} */ { names }) => /socket|setsockopt/.test(names[0] ?? '');
  return {
    ...profile,
    kept: profile.syscalls.filter((rule) => !isSocket(rule)),
    sockets: profile.syscalls.filter(isSocket),
  };
}

describe('our seccomp profile', () => {
  it('is what the script makes of the upstream file that it names', () => {
    const committed = JSON.parse(text('sandbox-images/seccomp.json'));
    const upstream = text('test/fixtures/seccomp-upstream.json');
    expect(committed.upstream.sha256).toBe(createHash('sha256').update(upstream).digest('hex'));
    expect(deriveProfile(JSON.parse(upstream), committed.upstream)).toEqual(committed);
  });

  it('knows two processors, without their 32-bit halves', () => {
    expect(derive([]).archMap).toEqual([{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: [] }]);
  });

  it('keeps what is allowed to everybody', () => {
    const personality = allow(['personality'], { args: [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }] });
    expect(derive([allow(['read', 'write']), personality])).toMatchObject({
      kept: [allow(['read', 'write']), personality],
      removed: {},
    });
  });

  it('drops what needs a capability that nobody has, and says which', () => {
    const { kept, removed } = derive([
      allow(['read']),
      allow(['reboot'], { includes: { caps: ['CAP_SYS_BOOT'] } }),
      allow(['killer'], { includes: { caps: ['CAP_KILL'] } }),
    ]);
    expect(kept).toEqual([allow(['read']), allow(['killer'])]);
    expect(removed).toEqual({ reboot: 'needs CAP_SYS_BOOT' });
  });

  it('makes what only the lack of a capability brings unconditional', () => {
    const enosys = { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 };
    const { kept } = derive([
      { ...enosys, excludes: { caps: ['CAP_SYS_ADMIN'] } },
      allow(['setuid'], { excludes: { caps: ['CAP_SETUID'] } }),
    ]);
    expect(kept).toEqual([enosys]);
  });

  it('drops other processors and keeps the condition for its own', () => {
    const { kept, removed } = derive([
      allow(['s390_call'], { includes: { arches: ['s390', 's390x'] } }),
      allow(['arch_prctl'], { includes: { arches: ['amd64', 'x32'] } }),
      allow(['clone'], { excludes: { arches: ['s390x'] } }),
      allow(['ptrace'], { includes: { minKernel: '4.8' } }),
    ]);
    expect(kept).toEqual([
      allow(['arch_prctl'], { includes: { arches: ['amd64'] } }),
      allow(['clone']),
      allow(['ptrace'], { includes: { minKernel: '4.8' } }),
    ]);
    expect(removed).toEqual({ s390_call: 'only on s390, s390x' });
  });

  it('refuses what is on its own list, also where upstream allows it to everybody', () => {
    const { kept, removed } = derive([allow(['read', 'io_uring_setup', 'process_vm_readv']), allow(['userfaultfd'])]);
    expect(kept).toEqual([allow(['read'])]);
    expect(Object.keys(removed)).toEqual(['io_uring_setup', 'process_vm_readv', 'userfaultfd']);
  });

  it('replaces upstream’s rules for sockets, which name the few families that are refused', () => {
    const { sockets } = derive([allow(['socket'], { args: [{ index: 0, value: 40, op: 'SCMP_CMP_GT' }] })]);
    const families = sockets.filter(({ names }) => names[0] === 'socket').map(({ args }) => args?.[0]?.valueTwo);
    expect([...new Set(families)]).toEqual([1, 2, 10, 16]);
    for (const { args } of sockets) expect(args?.[0]).toMatchObject({ op: 'SCMP_CMP_MASKED_EQ', value: 0xffffffff });
  });

  it('calls nothing allowed that it calls removed', () => {
    const { removed, syscalls } = JSON.parse(text('sandbox-images/seccomp.json'));
    const allowed = syscalls.filter((/** @type {{ action: string }} */ { action }) => action === ALLOW);
    for (const { names } of allowed) for (const name of names) expect(removed).not.toHaveProperty(name);
    expect(removed).toHaveProperty('process_vm_readv');
  });
});
