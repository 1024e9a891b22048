/** Checks the isolation that a command inside the sandbox observes. */
import type { AgentCapabilities } from '../../agent/messages.js';
import { MAX_SOCKET_BUFFER } from '../../backends/backend.js';
import { check, type Finding } from '../../backends/finding.js';
import type { Sandbox } from '../../sandbox/sandbox.js';

/** Reports the findings of the agent's own tests at its start. */
export function checkAgentFindings(found: AgentCapabilities): Finding[] {
  return [
    check('probe.pid1', found.descriptorsSafe && found.signalsSafe, {
      ok: 'the agent is out of reach: commands cannot open its descriptors or signal it',
      bad: 'commands can reach the agent: its descriptors or signals are open to them',
      fix: 'Use the runtime runc, or a newer runsc.',
    }),
    check('probe.root', found.rootSafe, {
      ok: 'nor can commands that run as root',
      bad: 'commands as root could reach the agent, so `user: 0` is refused here',
      fix: 'Use the runtime runc for what needs root.',
      otherwise: 'warn',
    }),
    check('probe.subreaper', found.subreaper, {
      ok: 'no process escapes its command: orphans stay in its tree',
      bad: 'the kernel gives no subreapers: orphans are ended with the sandbox, not with their command',
      fix: 'Use the runtime runc, or a newer runsc.',
      otherwise: 'warn',
    }),
    check('probe.counters', found.oomCounter && found.pidsCounter, {
      ok: `the counters of cgroup ${found.cgroup} can be read: out of memory is told from killed`,
      bad: 'the cgroup counters cannot be read: running out of memory looks like being killed',
      fix: 'Use the runtime runc.',
      otherwise: 'warn',
    }),
    checkSocketCounter(found),
  ];
}

/**
 * Checks if sockets can be counted. On cgroup v2 it does not matter, because their memory counts towards the sandbox's
 * limit.
 */
function checkSocketCounter({ cgroup, socketCounter }: AgentCapabilities): Finding {
  return check('probe.sockets', socketCounter || cgroup === 'v2', {
    ok: socketCounter
      ? 'open sockets can be counted: limits.sockets is kept'
      : 'sockets count towards the memory limit',
    bad: 'open sockets cannot be counted, so limits.sockets is not enforced: many sockets can use memory of the machine beyond limits.memory',
    fix: 'Use the runtime runc on Linux 4.16 or later, or an engine with cgroup v2.',
    otherwise: 'warn',
  });
}

/** Answers of a kernel that refuses: EPERM, EACCES, ENOSYS, and for sockets EPROTONOSUPPORT and EAFNOSUPPORT. */
const REFUSALS = ['1', '13', '38', '93', '97', 'killed'];

/**
 * Checks that forbidden system calls are refused.
 * @param answers lines from the agent
 */
export function checkAttempts(answers: string): Finding {
  const made = answers
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  const open = made.filter(([, answer]) => !REFUSALS.includes(answer!)).map(([name]) => name);
  return check('probe.system-calls', open.length === 0, {
    ok: `refused when tried: ${made.map(([name]) => name).join(', ')}`,
    bad: `open to commands: ${open.join(', ')}`,
    fix: 'Report this, with the runtime and kernel of the engine. gVisor answers some of them in its own kernel.',
    otherwise: 'warn',
  });
}

/** Checks which host user root of the sandbox is. */
function checkUserNamespace(uidMap: string): Finding {
  const [inside, outside, count] = uidMap.trim().split(/\s+/);
  const mapped = inside !== undefined && !(inside === '0' && outside === '0' && Number(count) > 1);
  return check('probe.user-namespace', mapped, {
    ok: `a user namespace: uid 0 inside is ${outside} outside`,
    bad: 'no user namespace: uid 0 inside would be 0 outside (only the agent is, with three capabilities)',
    fix: 'For a further wall: "userns-remap": "default" in daemon.json, or a rootless engine.',
    otherwise: 'warn',
  });
}

const REPORT = `
cat /proc/self/status
echo ==; cat /proc/self/uid_map
echo ==; ls /sys/class/net 2>/dev/null || sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev
echo ==; cat /proc/mounts
echo ==; (: > /ripcord-probe) 2>/dev/null && echo writable || echo read-only
echo ==; ulimit -n; ulimit -c
echo ==; cut -f 3 /proc/sys/net/ipv4/tcp_rmem /proc/sys/net/ipv4/tcp_wmem`;

/** Reads a command's own status, devices and mounts. */
export async function checkFrame(sandbox: Sandbox, signal: AbortSignal | undefined): Promise<Finding[]> {
  const { stdout } = await sandbox.exec(REPORT, { timeoutMs: 10_000, signal });
  const [status = '', uidMap = '', network = '', mounts = '', root = '', ulimits = '', buffers = ''] =
    stdout.split('==\n');
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? 'unknown';
  const uid = field('Uid').split(/\s+/)[0];
  const capabilities = ['CapEff', 'CapPrm', 'CapInh', 'CapAmb'].filter((name) => !/^0+$/.test(field(name)));
  const interfaces = network
    .split('\n')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'lo');
  const workspace =
    mounts
      .split('\n')
      .find((line) => line.split(' ')[1] === '/workspace')
      ?.split(' ')[3] ?? '';
  const [files, core] = ulimits.trim().split('\n');
  return [
    check('probe.user', uid !== '0' && uid !== 'unknown', {
      ok: `commands run as uid ${uid}`,
      bad: `commands run as uid ${uid}`,
      fix: 'Report this: it should not be possible.',
    }),
    check('probe.capabilities', capabilities.length === 0, {
      ok: 'no capabilities (CapEff 0)',
      bad: `commands have capabilities: ${capabilities.map((name) => `${name} ${field(name)}`).join(', ')}`,
      fix: 'Another runtime may drop them: see --runtime.',
    }),
    check('probe.no-new-privileges', field('NoNewPrivs') === '1', {
      ok: 'no new privileges: setuid programs give nothing',
      bad: `no-new-privileges is not in force (NoNewPrivs ${field('NoNewPrivs')})`,
      fix: 'gVisor and old kernels do not report it. With runc, update the engine.',
      otherwise: 'warn',
    }),
    checkSystemCallFilter(field, sandbox.capabilities),
    checkUserNamespace(uidMap),
    check('probe.network', interfaces.length === 0, {
      ok: 'no network interface but lo',
      bad: `network interfaces: ${interfaces.join(', ')}`,
      fix: 'Report this: sandboxes are made without a network.',
    }),
    check('probe.rootfs', root.trim() === 'read-only', {
      ok: 'the root file system is read-only',
      bad: 'the root file system is writable',
      fix: 'Report this: sandboxes are made with a read-only one.',
    }),
    check('probe.workspace', /\bnosuid\b/.test(workspace) && /\bnodev\b/.test(workspace) && /\bsize=/.test(workspace), {
      ok: 'the workspace is limited in size, without devices and setuid files',
      bad: `the workspace is mounted with: ${workspace || 'nothing known'}`,
      fix: 'gVisor does not report mount options. With runc, report this.',
      otherwise: 'warn',
    }),
    check('probe.ulimits', Number(files) <= 4096 && core === '0', {
      ok: `${files} open files for each process, no core dumps`,
      bad: `limits of a process: ${files} open files, core dumps of ${core} blocks`,
      fix: 'Report this.',
      otherwise: 'warn',
    }),
    checkSocketBuffers(buffers, sandbox.capabilities.cgroup),
  ];
}

/** Checks both seccomp filters: the engine's and the one that the agent installs. Each is an independent layer. */
function checkSystemCallFilter(field: (name: string) => string, { ownFilter }: AgentCapabilities): Finding {
  const on = field('Seccomp') === '2';
  const filters = field('Seccomp_filters');
  const count = filters === 'unknown' ? '' : ` (filters: ${filters})`;
  return check('probe.seccomp', on && ownFilter, {
    ok: `seccomp filters are on, the agent's own among them${count}`,
    bad: on
      ? `the kernel does not take the agent's own seccomp filter${count}`
      : `no seccomp filter is on (Seccomp ${field('Seccomp')})`,
    fix: on
      ? 'The profile that the engine puts on the container is then the only one: the engine must take it.'
      : 'See Isolation above. Old versions of gVisor filter in their own kernel and report none.',
    otherwise: 'warn',
  });
}

/**
 * Checks the socket buffers. On cgroup v2 their size does not matter, because it counts towards the sandbox's memory.
 */
function checkSocketBuffers(report: string, cgroup: AgentCapabilities['cgroup']): Finding {
  const sizes = report.split('\n').filter(Boolean).map(Number);
  const small = sizes.length === 2 && sizes.every((bytes) => bytes <= MAX_SOCKET_BUFFER);
  return check('probe.socket-buffers', small || cgroup === 'v2', {
    ok: small ? 'buffers of TCP connections are small' : 'buffers of TCP connections count towards the memory limit',
    bad: `the runtime sets no sizes of socket buffers (net.ipv4.tcp_rmem, tcp_wmem): connections within a sandbox take memory of the machine beyond its limit`,
    fix: 'Use the runtime runc, or an engine with cgroup v2.',
    otherwise: 'warn',
  });
}
