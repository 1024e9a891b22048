/**
 * Our seccomp profile as a difference to the one moby gives every container. What upstream allows under a condition that
 * no sandbox meets goes; what nothing ordinary needs and attacks are made of goes; sockets are of a few kinds.
 */

/**
 * @typedef {{ index: number, value: number, valueTwo?: number, op: string }} Argument
 * @typedef {{ arches?: string[], caps?: string[], minKernel?: string }} Condition
 * @typedef {{ names: string[], action: string, errnoRet?: number, args?: Argument[], comment?: string, includes?: Condition,
 *   excludes?: Condition }} Rule
 * @typedef {{ defaultAction: string, defaultErrnoRet?: number, archMap: { architecture: string, subArchitectures: string[]
 *   | null }[], syscalls: Rule[] }} Profile
 */

/** Capabilities of PID 1 of a sandbox. Commands do not have any. */
export const CAPABILITIES = ['CAP_KILL', 'CAP_SETGID', 'CAP_SETUID'];

/** Architectures of the agent, by libseccomp's names and by Go's, without their 32-bit modes. */
export const ARCHITECTURES = { SCMP_ARCH_X86_64: 'amd64', SCMP_ARCH_AARCH64: 'arm64' };

/**
 * Calls that are refused whatever upstream says, also in years to come, and why.
 *
 * `ptrace` is not one of them: gdb and strace are made of it, it reaches only processes of the same user in the same
 * sandbox that are dumpable (the agent, its keepers and its file operations are not), and since Linux 4.8, which upstream
 * asks for, a traced system call goes through the filter after its tracer changed it.
 */
const REFUSED = {
  'does system calls where no filter sees them': ['io_uring_setup', 'io_uring_enter', 'io_uring_register'],
  'lets a program stop the kernel in the middle of an access, which makes races into exploits': ['userfaultfd'],
  'keyrings have no namespace: they are shared with the host': ['add_key', 'keyctl', 'request_key'],
  'programs in the kernel': ['bpf'],
  'looks into the kernel and the processor': ['perf_event_open', 'lookup_dcookie'],
  'opens files by number, past mounts and directories': ['open_by_handle_at', 'name_to_handle_at'],
  'mounts and namespaces': [
    ...['chroot', 'fsconfig', 'fsmount', 'fsopen', 'fspick', 'mount', 'mount_setattr', 'move_mount', 'open_tree'],
    ...['open_tree_attr', 'pivot_root', 'setns', 'umount', 'umount2', 'unshare'],
  ],
  'reaches into other processes; debuggers do without, by ptrace': [
    ...['kcmp', 'pidfd_getfd', 'process_madvise', 'process_vm_readv', 'process_vm_writev'],
  ],
  'of use only after fanotify_init, which is refused': ['fanotify_mark'],
  '16-bit segments, for DOS programs': ['modify_ldt'],
  'memory that not even the host can look into': ['memfd_secret'],
  'writes out every disk of the host and waits; programs cannot see that it did not': ['sync'],
  'takes the socket family where no filter sees it; only 32-bit programs have it': ['socketcall'],
  'a 32-bit collection of calls': ['ipc'],
};

const ALLOW = 'SCMP_ACT_ALLOW';
const AF = { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 };
const SOCK = { STREAM: 1, DGRAM: 2 };
const IPPROTO = { TCP: 6, UDP: 17 };
const NETLINK_ROUTE = 0;
/** The kernel takes an int: bits above it must not make one family look like another. */
const INT = 0xffffffff;
/** The kind without SOCK_CLOEXEC and SOCK_NONBLOCK. */
const KIND = 0xf;

/** @param {number} index @param {number} value @param {number} [mask] @returns {Argument} */
const argument = (index, value, mask = INT) => ({
  index,
  value: mask,
  valueTwo: value,
  op: 'SCMP_CMP_MASKED_EQ',
});

/** @param {string} name @param {string} comment @param {Argument[]} args @returns {Rule} */
const allow = (name, comment, ...args) => ({ names: [name], action: ALLOW, args, comment });

const internet = [
  { family: AF.INET, name: 'AF_INET' },
  { family: AF.INET6, name: 'AF_INET6' },
].flatMap(({ family, name }) =>
  [
    { kind: SOCK.STREAM, what: 'TCP', protocols: [0, IPPROTO.TCP] },
    { kind: SOCK.DGRAM, what: 'UDP', protocols: [0, IPPROTO.UDP] },
  ].flatMap(({ kind, what, protocols }) =>
    protocols.map((protocol) =>
      allow('socket', `${name}, ${what}`, argument(0, family), argument(1, kind, KIND), argument(2, protocol)),
    ),
  ),
);

/**
 * Sizes of buffers are not for programs to choose: on cgroup v1 the kernel counts those of TCP and UDP towards no limit, and what
 * bounds a chosen size (`net.core.rmem_max`) is the whole machine's.
 */
const SO = { SNDBUF: 7, RCVBUF: 8 };
const SOL_SOCKET = 1;
/** IP, TCP, UDP, IPv6, netlink. */
const OPTION_LEVELS = [0, 6, 17, 41, 270];
/** All from 0 to 95 but those two, as bit patterns: a filter compares nothing else of a part of a register. */
const OTHER_SOCKET_OPTIONS = [
  ...[0, 2, 4].map((value) => ({ value, mask: 0xfffffffe })),
  { value: 6, mask: INT },
  { value: 9, mask: INT },
  { value: 10, mask: 0xfffffffe },
  { value: 12, mask: 0xfffffffc },
  ...[16, 32, 48, 64, 80].map((value) => ({ value, mask: 0xfffffff0 })),
];

/**
 * The rules that replace upstream's, which name the few families that are refused. Protocols are in it because asking
 * for one (SCTP, DCCP, L2TP …) loads its module into the host's kernel.
 * @type {Record<string, Rule[]>}
 */
const REPLACED = {
  socket: [
    allow('socket', 'AF_UNIX', argument(0, AF.UNIX)),
    ...internet,
    allow('socket', 'AF_NETLINK, for getifaddrs()', argument(0, AF.NETLINK), argument(2, NETLINK_ROUTE)),
  ],
  socketpair: [allow('socketpair', 'AF_UNIX', argument(0, AF.UNIX))],
  setsockopt: [
    ...OPTION_LEVELS.map((level) => allow('setsockopt', 'protocols', argument(1, level))),
    ...OTHER_SOCKET_OPTIONS.map(({ value, mask }) =>
      allow('setsockopt', 'SOL_SOCKET', argument(1, SOL_SOCKET), argument(2, value, mask)),
    ),
    ...[SO.SNDBUF, SO.RCVBUF].map((option) => ({
      names: ['setsockopt'],
      action: 'SCMP_ACT_ERRNO',
      // Answered as a success: programs ask for a size, and the kernel clamps it without a word, too.
      errnoRet: 0,
      args: [argument(1, SOL_SOCKET), argument(2, option)],
      comment: 'buffers keep the size that the namespace gives them',
    })),
  ],
};

/** @param {string} name */
const granted = (name) => CAPABILITIES.includes(name);

/** Whether a sandbox can meet the condition at all. @param {Condition} [condition] */
function possible({ arches, caps = [] } = {}) {
  const known = Object.values(ARCHITECTURES);
  return caps.every(granted) && (arches === undefined || arches.some((arch) => known.includes(arch)));
}

/** Returns the conditions that the engine still checks: the processor and the kernel. @param {Condition} [condition] @returns {Condition | undefined} */
function remaining({ arches, minKernel } = {}) {
  const known = arches?.filter((arch) => Object.values(ARCHITECTURES).includes(arch)) ?? [];
  const left = { ...(known.length > 0 && { arches: known }), ...(minKernel && { minKernel }) };
  return Object.keys(left).length > 0 ? left : undefined;
}

/** Upstream's rule without what cannot apply; `undefined` when nothing is left. @param {Rule} rule */
function reduce(rule) {
  const { includes, excludes = {}, ...rest } = rule;
  if (!possible(includes)) return undefined;
  if (excludes.caps?.some(granted)) return undefined;
  const refused = Object.values(REFUSED).flat();
  const names = rule.names.filter((name) => !refused.includes(name) && !(name in REPLACED));
  if (names.length === 0) return undefined;
  const left = { includes: remaining(includes), excludes: remaining({ ...excludes, caps: [] }) };
  return {
    ...rest,
    names,
    ...(left.includes && { includes: left.includes }),
    ...(left.excludes && { excludes: left.excludes }),
  };
}

/** @param {Rule[]} rules */
const allowedNames = (rules) => new Set(rules.filter(({ action }) => action === ALLOW).flatMap(({ names }) => names));

/** Returns every call that upstream allows and this profile never does, with the reason. @param {Rule[]} before @param {Rule[]} after */
function difference(before, after) {
  const still = allowedNames(after);
  const gone = [...allowedNames(before)].filter((name) => !still.has(name)).sort();
  return Object.fromEntries(gone.map((name) => [name, reasonOf(name, before)]));
}

/** @param {string} name @param {Rule[]} upstream */
function reasonOf(name, upstream) {
  const reason = Object.entries(REFUSED).find(([, names]) => names.includes(name))?.[0];
  if (reason) return reason;
  const { caps = [], arches = [] } = upstream.find(({ names }) => names.includes(name))?.includes ?? {};
  return caps.length > 0 ? `needs ${caps.join(', ')}` : `only on ${arches.join(', ')}`;
}

/**
 * @param {Profile} upstream
 * @param {Record<string, string>} origin where upstream's file is from, written into the profile
 */
export function deriveProfile(upstream, origin) {
  const kept = upstream.syscalls.map(reduce).filter((rule) => rule !== undefined);
  const syscalls = [...kept, ...Object.values(REPLACED).flat()];
  const architectures = upstream.archMap.filter(({ architecture }) => architecture in ARCHITECTURES);
  return {
    about:
      "Generated by scripts/seccomp.mjs from moby's default profile (Apache-2.0, see seccomp.LICENSE), and changed.",
    upstream: origin,
    removed: difference(upstream.syscalls, syscalls),
    defaultAction: upstream.defaultAction,
    // EPERM, which is also what engines take that do not know the field.
    defaultErrnoRet: upstream.defaultErrnoRet,
    archMap: architectures.map(({ architecture }) => ({ architecture, subArchitectures: [] })),
    syscalls,
  };
}
