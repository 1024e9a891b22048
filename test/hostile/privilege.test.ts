/** Battery 47–51: more rights than given. */

import type { Sandbox } from 'ripcord-sandbox';
import { expect } from 'vitest';
import { battery } from '../helpers/hostile.js';
import { rejection } from '../helpers/sandbox.js';

/** The filter's answers: its own, the one for clone3 (so that libraries fall back to clone), and death for 32 bits. */
const REFUSED = /^(EPERM|ENOSYS|Bad system call)$/;

/** By whatever name, for whatever it is to do; and the sandbox works on. */
async function rootIsRefused(sandbox: Sandbox): Promise<void> {
  const refused = { code: 'agent-unsafe', message: expect.stringMatching(/^user '[^']+': on this kernel root/) };
  for (const user of [0, 'root', '0:1000', 'root:nogroup']) {
    expect(await rejection(sandbox.exec('id', { user }))).toMatchObject(refused);
    expect(await rejection(sandbox.spawn('id', { user }))).toMatchObject(refused);
    expect(await rejection(sandbox.files.write('x', '', { user }))).toMatchObject(refused);
  }
  expect(await sandbox.exec('id -u')).toMatchObject({ stdout: `${sandbox.parts.user.split(':')[0]}\n` });
}

battery('privilege', ['runc', 'runsc'], (attack) => {
  attack('48 capabilities, new privileges and filter, in every kind of command', {}, async (siege) => {
    const { sandbox } = siege;
    // Older versions of gVisor's kernel report no NoNewPrivs. The filter there is the agent's own.
    const expected = siege.gVisor
      ? /^CapInh:0+ CapPrm:0+ CapEff:0+ (CapAmb:0+ )?(NoNewPrivs:1 )?Seccomp:2$/
      : /^CapInh:0+ CapPrm:0+ CapEff:0+ CapAmb:0+ NoNewPrivs:1 Seccomp:2$/;
    const flat = (text: string) => text.trim().replaceAll('\t', '').replaceAll(/\r?\n/g, ' ');
    expect(flat((await siege.run('status.sh')).stdout)).toMatch(expected);
    const users = sandbox.capabilities.rootSafe ? ['0', 'nobody'] : ['nobody'];
    for (const options of [...users.map((user) => ({ user })), { cwd: '/' }]) {
      expect(flat((await siege.run('status.sh', [], options)).stdout)).toMatch(expected);
    }
    for (const options of [{ pty: true }, { detached: true }]) {
      const command = await sandbox.spawn(['sh', 'program/status.sh'], options);
      let text = '';
      for await (const chunk of command.stdout) text += chunk;
      expect(flat(text)).toMatch(expected);
    }
    const code = `print(open('/proc/self/status').read())`;
    const { stdout } = await sandbox.runCode(code);
    expect(stdout).toMatch(/^CapEff:\t0+$/m);
  });

  attack('49 every setuid program of the image: gains nothing', {}, async ({ run, sandbox }) => {
    const { stdout } = await run('setuid.sh', [], { timeoutMs: 30_000 });
    const answers = stdout.trim().split('\n');
    expect(answers.length).toBeGreaterThan(3);
    expect(stdout).toContain('/su ');
    const [uid, gid] = sandbox.parts.user.split(':');
    const nothing = `AT_EUID:${uid}AT_EGID:${gid}AT_SECURE:0`;
    for (const answer of answers) expect(answer.slice(answer.indexOf(' ') + 1)).toBe(nothing);
  });

  attack(
    '50 ways to the host: none',
    {},
    async ({ run, sandbox }) => {
      process.env.RIPCORD_TEST_SECRET = 'leaked';
      try {
        const { stdout } = await run('reach-host.py');
        expect(stdout).toMatch(/\nend\n$|^[A-Z_ ]+\nend\n$/);
        expect(stdout).not.toContain('could');
        expect(stdout).not.toContain('SECRET');
        expect((await sandbox.exec(['env'])).stdout).not.toContain('leaked');
      } finally {
        delete process.env.RIPCORD_TEST_SECRET;
      }
    },
    { notOnGVisor: 'its devices are its own kernel’s' },
  );

  attack(
    '51 options that would lead out: refused, or without effect',
    {},
    async ({ gVisor, run, sandbox, manager }) => {
      const runtime = gVisor ? 'runsc' : undefined;
      for (const cwd of ['/proc/1/root', '/proc/1/cwd', '/root']) {
        const { outcome, failure } = await sandbox.exec(['ls'], { cwd });
        expect({ cwd, outcome }).toEqual({ cwd, outcome: 'spawn-failed' });
        expect(failure).toMatchObject({ stage: 'cwd', errno: 'EACCES' });
      }
      if (sandbox.capabilities.rootSafe) {
        // Root of the sandbox is one without rights: the pipe of process 1 is out of its reach, too.
        expect((await run('forge-frames.py', [], { user: '0' })).stdout).toMatch(/^(E[A-Z]+ ?)+\n$/);
      } else {
        await rootIsRefused(sandbox);
        expect(await rejection(manager.create({ runtime, user: 0 }))).toMatchObject({ code: 'agent-unsafe' });
      }
      for (const image of ['--privileged', '../etc', 'python --privileged', 'python?x=1', '']) {
        expect(await rejection(manager.create({ image }))).toMatchObject({ code: 'invalid-options' });
      }
      for (const path of ['/etc/passwd', '/nowhere', 'a\0b']) {
        const error = await rejection(manager.create({ user: 0, workspace: { mode: 'bind', path } }));
        expect(error).toMatchObject({ code: 'invalid-options' });
      }
      for (const user of ['-1', '1000:', 'root --privileged', '0;id']) {
        expect(await rejection(sandbox.exec('id', { user }))).toMatchObject({ code: 'invalid-options' });
      }
    },
  );
});

battery('privilege', ['runc'], (attack) => {
  // gVisor answers many of these calls itself, in a kernel of its own.
  attack('47 calls that lead into the kernel: all refused', {}, async ({ run }) => {
    const { stdout, outcome } = await run('refused-calls.c');
    expect(outcome).toBe('exited');
    const answers = stdout.trim().split('\n');
    expect(answers.length).toBeGreaterThan(55);
    for (const answer of answers)
      expect(answer.split(': ')).toEqual([expect.any(String), expect.stringMatching(REFUSED)]);
  });
});
