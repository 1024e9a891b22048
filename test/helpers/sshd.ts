import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const SSHD = '/usr/sbin/sshd';

export const hasSshd = existsSync(SSHD);

export interface TestSshd {
  /** `ssh://user@alias:port`; the alias exists only in the configuration the `ssh` in `binDirectory` uses. */
  url: string;
  /** To be put first on PATH: an `ssh` with this configuration, known host and key. */
  binDirectory: string;
  knownHosts: string;
  stop(): Promise<void>;
}

/** A real sshd on loopback with keys of its own, for this user. */
export async function startSshd(): Promise<TestSshd> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-sshd-'));
  const file = (name: string) => path.join(directory, name);
  for (const key of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  }
  // Below those that the kernel gives to outgoing connections.
  const port = 20_000 + Math.floor(Math.random() * 12_000);
  const publicKey = execFileSync('ssh-keygen', ['-y', '-f', file('host')], { encoding: 'utf8' }).trim();
  writeFileSync(file('authorized_keys'), execFileSync('ssh-keygen', ['-y', '-f', file('user')]));
  writeFileSync(file('known_hosts'), `[127.0.0.1]:${port} ${publicKey}\n`);
  writeFileSync(
    file('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('authorized_keys')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      `SetEnv PATH=${process.env.PATH}`,
      '',
    ].join('\n'),
  );
  writeFileSync(
    file('ssh_config'),
    [
      'Host engine-machine',
      '  HostName 127.0.0.1',
      `  IdentityFile ${file('user')}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${file('known_hosts')}`,
      '  StrictHostKeyChecking yes',
      '',
    ].join('\n'),
  );
  mkdirSync(file('bin'));
  writeFileSync(file('bin/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${file('ssh_config')}' "$@"\n`);
  chmodSync(file('bin/ssh'), 0o755);
  // sshd drops its privileges into it; packages create it at boot only.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });

  const server = spawn(SSHD, ['-D', '-e', '-f', file('sshd_config')], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  await listening(port, ended);
  return {
    url: `ssh://${os.userInfo().username}@engine-machine:${port}`,
    binDirectory: file('bin'),
    knownHosts: file('known_hosts'),
    async stop() {
      server.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}

async function listening(port: number, ended: Promise<void>): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over) {
    const socket = net.connect(port, '127.0.0.1');
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('sshd did not start');
}
