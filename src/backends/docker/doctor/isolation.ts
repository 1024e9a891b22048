import { check, type Finding } from '../../finding.js';
import type { EngineInfo } from './engine-info.js';

/** Checks the isolation between a sandbox and the host, as the engine reports it. */
export function checkIsolation(info: EngineInfo): Finding[] {
  const named = (name: string) =>
    (info.SecurityOptions ?? []).some((option) => option.split(',').includes(`name=${name}`));
  const lsm = ['apparmor', 'selinux'].filter(named);
  const unprivileged = ['rootless', 'userns'].filter(named);
  const runtimes = Object.keys(info.Runtimes ?? {}).filter((name) => !name.startsWith('io.containerd.'));
  return [
    // The engine's own profile does not matter, even if it is 'unconfined': sandboxes use Ripcord's.
    check('isolation.seccomp', named('seccomp'), {
      ok: 'seccomp: sandboxes get a profile of their own',
      bad: 'the engine has no seccomp, so it makes no sandboxes: every system call of the kernel would be open',
      fix: 'The kernel needs CONFIG_SECCOMP_FILTER, the engine a build with seccomp.',
    }),
    check('isolation.root', unprivileged.length > 0, {
      ok: `root in a container is nobody outside (${unprivileged.join(', ')})`,
      bad: 'root in a container is root on the host (only the agent is root, commands run as other users)',
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

const list = (runtimes: readonly string[], byDefault: string | undefined): string =>
  runtimes.map((name) => (name === byDefault ? `${name} (default)` : name)).join(', ') || 'none named';
