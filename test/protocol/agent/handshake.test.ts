import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { decodeReady, encodeFrame, encodeHello, TYPE, u8, u16, u32, u64 } from '../../helpers/agent-process.js';
import { describeAgent, expectError } from '../../helpers/agent-suite.js';

describeAgent('agent: handshake', (suite) => {
  it('answers HELLO with what it found out about the kernel', async () => {
    const agent = await suite.start();
    const frame = await agent.next();
    expect(frame).toMatchObject({ stream: 0, type: TYPE.READY });
    const answer = decodeReady(frame.payload);
    expect(answer).toMatchObject({ version: 1, maxStreams: 512 });
    // Subreapers; descriptors and signals out of reach; out of reach of root, too.
    expect(answer.caps & (7 | 1024)).toBe(7 | 1024);
    expect(answer.build).toMatch(/^[0-9a-f]{12}$/);
    expect(answer.kernel).toBe(execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim());
  });

  it('reports the variables of the image, and none that an engine adds', async () => {
    const own = [
      'PATH=/opt:/bin',
      'EMPTY=',
      'LINES=one\ntwo',
      'TERM=dumb',
      'HOSTNAME=another',
      'HOMER=x',
      'container=mine',
    ];
    const added = [
      'HOME=/root',
      `HOSTNAME=${os.hostname()}`,
      'TERM=xterm',
      'container=podman',
      'KUBERNETES_PORT=tcp://10.0.0.1:443',
    ];
    for (const [variables, expected] of [
      [own, own],
      [
        ['A=1', ...added, 'B=2'],
        ['A=1', 'B=2'],
      ],
      [[], []],
    ] as const) {
      const agent = await suite.start({ wrapper: ['env', '-i', ...variables] });
      expect(decodeReady((await agent.next()).payload).environment).toEqual(expected);
    }
  });

  it('says that they do not fit in the frame, rather than leave some out', async () => {
    const most = `LARGE=${'x'.repeat(60_000)}`;
    const fits = await suite.start({ wrapper: ['env', '-i', most] });
    expect(decodeReady((await fits.next()).payload).environment).toEqual([most]);
    const larger = await suite.start({ wrapper: ['env', '-i', most, `MORE=${'x'.repeat(6000)}`] });
    expect(decodeReady((await larger.next()).payload).environment).toBeUndefined();
    larger.send(0, TYPE.PING, u64(7));
    expect(await larger.next()).toMatchObject({ type: TYPE.PONG });
  });

  it('names both versions when they differ', async () => {
    const agent = await suite.start({ version: 7 });
    const message = await expectError(agent, 1);
    expect(message).toMatch(/1.*7/);
  });

  it('tells another version even when it cannot read the rest', async () => {
    const agent = await suite.start({ hello: false });
    agent.send(0, TYPE.HELLO, Buffer.concat([u32(0x5049_5231), u16(2)]));
    await expectError(agent, 1);
  });

  it('wants HELLO first', async () => {
    const agent = await suite.start({ hello: false });
    agent.send(0, TYPE.PING, u64(1));
    await expectError(agent, 4);
  });

  it.each([
    ['a wrong magic', () => Buffer.concat([u32(0x1234_5678), u16(1), Buffer.alloc(40)])],
    ['an empty payload', () => Buffer.alloc(0)],
    ['a cut one', () => encodeHello('/w').subarray(0, 23)],
    ['a relative workspace', () => encodeHello('w')],
    ['a NUL in the workspace', () => encodeHello('/w\0x')],
    ['a cut mode', () => encodeHello('/w', { modes: [['/w', 0o755]] }).subarray(0, -1)],
    ['a mode of a relative path', () => encodeHello('/w', { modes: [['w', 0o755]] })],
    ['a user name longer than the frame', () => Buffer.concat([encodeHello('/w').subarray(0, 26), u32(1 << 30)])],
  ])('refuses HELLO with %s', async (_, payload) => {
    const agent = await suite.start({ hello: false });
    agent.send(0, TYPE.HELLO, payload());
    await expectError(agent, 2);
  });

  it('refuses a second HELLO', async () => {
    const agent = await suite.ready();
    agent.send(0, TYPE.HELLO, encodeHello('/w'));
    await expectError(agent, 2);
  });

  it('refuses to run with a default user it cannot become', async () => {
    const agent = await suite.start({ user: 'no-such-user' });
    await expectError(agent, 7);
  });

  it('gives directories the modes asked for, as their owners, and goes on where there is none', async () => {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'ripcord-agent-modes-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await chmod(directory, 0o755);
    const modes = { roots: 0o1777, theirs: 0o700, kept: 0o555 };
    for (const name of Object.keys(modes)) await mkdir(path.join(directory, name), { mode: 0o555 });
    await symlink('kept', path.join(directory, 'link'));
    await chown(path.join(directory, 'theirs'), 1001, 1001);
    const asked = Object.entries({ ...modes, link: 0o777, missing: 0o777 });
    const agent = await suite.ready({ modes: asked.map(([name, mode]) => [path.join(directory, name), mode]) });
    for (const [name, mode] of Object.entries(modes)) {
      expect((await stat(path.join(directory, name))).mode & 0o7777, name).toBe(mode);
    }
    const status = await agent.sh('grep -E "^(Uid|Gid):" /proc/1/status');
    expect(status.stdout.toString()).toBe('Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n');
  });

  it('takes HELLO in one-byte pieces', async () => {
    const agent = await suite.start({ hello: false });
    for (const byte of encodeFrame(0, TYPE.HELLO, encodeHello(agent.workspace))) agent.sendRaw(u8(byte));
    expect((await agent.next()).type).toBe(TYPE.READY);
  });

  it('refuses to be anything but PID 1', () => {
    expect(() => execFileSync(suite.binary, { stdio: 'pipe' })).toThrow(/must be PID 1/);
  });
});
