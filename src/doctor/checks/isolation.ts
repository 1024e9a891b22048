import type { EngineInfo } from '../engine-info.js';
import { check, type Finding } from '../finding.js';

/** What stands between a sandbox and the host, as the engine says. */
export function checkIsolation(info: EngineInfo): Finding[] {
  const options = (info.SecurityOptions ?? []).map(parseOption);
  const named = (name: string) => options.find((option) => option.name === name);
  const seccomp = named('seccomp');
  const lsm = ['apparmor', 'selinux'].filter((name) => named(name));
  const unprivileged = ['rootless', 'userns'].filter((name) => named(name));
  const runtimes = Object.keys(info.Runtimes ?? {}).filter((name) => !name.startsWith('io.containerd.'));
  return [
    check('isolation.seccomp', seccomp !== undefined && seccomp.profile !== 'unconfined', {
      ok: `seccomp, the engine's profile: ${seccomp?.profile ?? 'default'}`,
      bad: seccomp
        ? 'the engine runs containers without a seccomp profile'
        : 'the engine has no seccomp: every system call of the kernel is open',
      fix: 'Remove "seccomp-profile": "unconfined" from daemon.json; the kernel needs CONFIG_SECCOMP_FILTER.',
    }),
    check('isolation.root', unprivileged.length > 0, {
      ok: `root in a container is nobody outside (${unprivileged.join(', ')})`,
      bad: 'root in a container is root on the host (commands run as uid 1000, only the agent as root)',
      fix: 'For a further wall: "userns-remap": "default" in daemon.json, or a rootless engine.',
      otherwise: 'warn',
    }),
    check('isolation.lsm', lsm.length > 0, {
      ok: lsm.join(', '),
      bad: 'neither AppArmor nor SELinux confines containers',
      fix: 'Install apparmor on Debian and Ubuntu, and restart the engine.',
      otherwise: 'warn',
    }),
    check('isolation.runtimes', true, {
      ok: runtimes.includes('runsc')
        ? `runtimes: ${list(runtimes, info.DefaultRuntime)}; --runtime runsc gives a sandbox a kernel of its own (gVisor)`
        : `runtimes: ${list(runtimes, info.DefaultRuntime)}; with runsc (gVisor) a sandbox would have a kernel of its own`,
      bad: '',
    }),
  ];
}

function parseOption(text: string): { name: string; profile: string | undefined } {
  const fields = Object.fromEntries(text.split(',').map((field) => field.split('=') as [string, string]));
  return { name: fields.name ?? text, profile: fields.profile };
}

const list = (runtimes: readonly string[], byDefault: string | undefined): string =>
  runtimes.map((name) => (name === byDefault ? `${name} (default)` : name)).join(', ') || 'none named';
