/** Programs that come with the request, and the warm interpreter that may run them. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type AgentProcess, encodeSpawn, FLAG, OUTCOME, type Result, TYPE } from '../../helpers/agent-process.js';
import { describeAgent, EXIT_FLAG, STAGE } from '../../helpers/agent-suite.js';

const EEXIST = 17;
const EINVAL = 22;
const ENOENT = 2;
const ECANCELED = 125;
const EACCES = 13;

/** As in a sandbox: what lies under /usr cannot be changed by anybody. */
const READ_ONLY_USR = ['sh', '-c', 'mount --bind /usr /usr && mount -o remount,bind,ro /usr && exec "$0"'];
const ENV = ['PATH=/usr/bin:/bin', 'LANG=C.UTF-8', 'PYTHONUNBUFFERED=1'];

const run = (
  agent: AgentProcess,
  text: string | Buffer,
  options: { argv?: string[]; file?: string; cwd?: string } = {},
) => {
  const file = options.file ?? join(agent.workspace, 'program');
  return agent.run(options.argv ?? ['sh', file, 'one'], {
    flags: FLAG.PROGRAM,
    program: { file, text },
    ...(options.cwd && { cwd: options.cwd }),
  });
};

describeAgent('agent: programs', (suite) => {
  it('are a file of the user as long as they run, and gone by their EXIT', async () => {
    const agent = await suite.ready();
    const { stdout, stderr, exitCode } = await run(agent, 'stat -c "%a %u %s" "$0"; echo "$1"; ls -A; exit 3');
    expect({ stdout: stdout.toString(), stderr: stderr.toString(), exitCode }).toEqual({
      stdout: '644 1000 49\none\nprogram\n',
      stderr: '',
      exitCode: 3,
    });
    expect(readdirSync(agent.workspace)).toEqual([]);
    const killed = await run(agent, 'setsid sleep 60 & kill -9 $$');
    expect(killed).toMatchObject({ outcome: OUTCOME.SIGNALED, signal: 9, backgroundKilled: 1 });
    expect(readdirSync(agent.workspace)).toEqual([]);
  });

  it('may hold any bytes, up to what a request holds', async () => {
    const agent = await suite.ready();
    const text = Buffer.alloc(3 << 20, 0);
    for (let i = 0; i < text.length; i++) text[i] = i & 255;
    const file = join(agent.workspace, 'data');
    const { stdout } = await run(agent, text, { argv: ['cat', file], file });
    expect(stdout.equals(text)).toBe(true);
    expect((await run(agent, '', { argv: ['wc', '-c', file], file })).stdout.toString()).toMatch(/^0 /);
  });

  it('are not written over anything, nor through a link, nor where the user may not write', async () => {
    const agent = await suite.ready();
    const file = join(agent.workspace, 'there');
    writeFileSync(file, 'kept');
    const failed = { outcome: OUTCOME.SPAWN_FAILED, stage: STAGE.PROGRAM };
    expect(await run(agent, 'echo no', { file })).toMatchObject({ ...failed, errno: EEXIST });
    expect(readFileSync(file, 'utf8')).toBe('kept');
    await agent.sh('ln -s target link');
    expect(await run(agent, 'x', { file: join(agent.workspace, 'link') })).toMatchObject({ ...failed, errno: EEXIST });
    expect(existsSync(join(agent.workspace, 'target'))).toBe(false);
    expect(await run(agent, 'x', { file: '/proc/nothing' })).toMatchObject(failed);
    const closed = join(agent.workspace, 'closed');
    mkdirSync(closed, { mode: 0o755 });
    chmodSync(closed, 0o755);
    expect(await run(agent, 'x', { file: join(closed, 'p') })).toMatchObject({ ...failed, errno: EACCES });
  });

  it("leave nothing where the command cannot be started, and what is not the user's to remove", async () => {
    const agent = await suite.ready();
    const file = join(agent.workspace, 'p');
    const missing = await run(agent, 'x', { argv: ['no-such-interpreter', file], file });
    expect(missing).toMatchObject({ outcome: OUTCOME.SPAWN_FAILED, stage: STAGE.EXEC, errno: ENOENT });
    expect(await run(agent, 'x', { file, cwd: '/nowhere' })).toMatchObject({ stage: STAGE.CWD, errno: ENOENT });
    expect(readdirSync(agent.workspace)).toEqual([]);
    // The directory is another one by the time the program ends.
    const victim = join(agent.workspace, '..', `victim-${process.pid}-${suite.sanitize}`);
    mkdirSync(victim);
    try {
      writeFileSync(join(victim, 'p'), 'kept');
      await agent.sh('mkdir d');
      await run(agent, `mv d away; ln -s ${victim} d`, { file: join(agent.workspace, 'd', 'p') });
      expect(readFileSync(join(victim, 'p'), 'utf8')).toBe('kept');
    } finally {
      await agent.sh(`rm -rf d away`);
      (await import('node:fs')).rmSync(victim, { recursive: true });
    }
  });

  it('are refused when the request does not fit', async () => {
    const agent = await suite.ready();
    const whole = encodeSpawn(['sh'], { flags: FLAG.PROGRAM, program: { file: '/workspace/p', text: 'echo' } });
    const broken = [
      whole.subarray(0, -1),
      encodeSpawn(['sh'], { flags: FLAG.PROGRAM }),
      encodeSpawn(['sh'], { flags: FLAG.PROGRAM, program: { file: 'relative', text: '' } }),
      encodeSpawn(['stat', '/'], { flags: FLAG.PROGRAM | FLAG.FS, program: { file: '/p', text: '' } }),
    ];
    for (const request of broken) {
      const result = await agent.result(agent.spawnRaw(request));
      expect(result).toMatchObject({ outcome: OUTCOME.SPAWN_FAILED, stage: STAGE.REQUEST, errno: EINVAL });
    }
  });
});

describeAgent('agent: the warm interpreter', (suite) => {
  const ask = (agent: AgentProcess, argv = ['python3', '/.ripcord/warm/main.py'], env = ENV) =>
    agent.send(0, TYPE.WARM, encodeSpawn(argv, { env: [...env, 'HOME=/nonexistent', `PYTHONPATH=${suite.warm}`] }));
  const answer = async (agent: AgentProcess) => {
    const frame = await agent.next(0);
    expect(frame.type).toBe(TYPE.WARMED);
    return frame.payload[0];
  };
  let count = 0;
  const start = (agent: AgentProcess, text: string) => {
    const file = join(agent.workspace, `p${count++}.py`);
    const program = { file, text, warm: true };
    return agent.spawn(['python3', file, 'a'], { flags: FLAG.PROGRAM, env: ENV, program });
  };
  const wasWarm = ({ flags }: Result) => (flags & EXIT_FLAG.WARM) !== 0;

  it('runs programs in forks of itself, each below a keeper of its own', async () => {
    const agent = await suite.ready({ wrapper: READ_ONLY_USR });
    ask(agent);
    expect(await answer(agent)).toBe(1);
    const code =
      'import os, sys\nprint(sys.argv[1:], os.getuid(), open(f"/proc/{os.getppid()}/comm").read())\nsys.exit(4)';
    const results = await Promise.all(Array.from({ length: 4 }, () => agent.result(start(agent, code))));
    for (const result of results) {
      expect(result.stderr.toString()).toBe('');
      expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 4 });
      expect(result.stdout.toString()).toBe("['a'] 1000 keeper\n\n");
      expect(result.pid).toBeGreaterThan(1);
    }
    expect(results.some(wasWarm)).toBe(true);
    expect(readdirSync(agent.workspace)).toEqual([]);
  });

  it('lets a KILL through at any time', async () => {
    const agent = await suite.ready({ wrapper: READ_ONLY_USR });
    ask(agent);
    expect(await answer(agent)).toBe(1);
    const streams = Array.from({ length: 12 }, () => start(agent, 'import time\ntime.sleep(600)'));
    for (const stream of streams) agent.kill(stream);
    for (const result of await Promise.all(streams.map((stream) => agent.result(stream)))) {
      const canceled = result.outcome === OUTCOME.SPAWN_FAILED && result.errno === ECANCELED;
      expect(canceled || (result.outcome === OUTCOME.SIGNALED && result.signal === 9), JSON.stringify(result)).toBe(
        true,
      );
      expect(result.flags & EXIT_FLAG.KILLED_BY_HOST).toBe(EXIT_FLAG.KILLED_BY_HOST);
    }
    expect(readdirSync(agent.workspace)).toEqual([]);
    expect(await agent.result(start(agent, 'print(1)'))).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 0 });
  });

  it.each([
    { where: 'the kernel knows no subreapers', wrapper: ['subreaper'] },
    { where: 'it could have been changed by a command', wrapper: undefined },
    { where: 'there is no such interpreter', wrapper: READ_ONLY_USR, argv: ['no-such-python', 'x'] },
    { where: 'it ends at once', wrapper: READ_ONLY_USR, argv: ['true', 'x'] },
    { where: 'it is something else', wrapper: READ_ONLY_USR, argv: ['sleep', '0.1'] },
  ])('says no where $where, and programs run fresh', async ({ wrapper, argv }) => {
    const agent = await suite.ready({
      ...(wrapper && { wrapper: wrapper[0] === 'subreaper' ? suite.without('subreaper') : wrapper }),
    });
    ask(agent, argv);
    expect(await answer(agent)).toBe(0);
    const result = await agent.result(start(agent, 'print(1)'));
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 0 });
    expect(wasWarm(result)).toBe(false);
  });
});
