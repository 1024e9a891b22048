/** Programs that come with the request, and the warm interpreter that may run them. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type AgentProcess, encodeSpawn, FLAG, OUTCOME, type Result, TYPE } from '../../helpers/agent-process.js';
import { describeAgent, EXIT_FLAG, STAGE } from '../../helpers/agent-suite.js';

const EINVAL = 22;
const ENOENT = 2;
const ECANCELED = 125;

/** As in a sandbox: what lies under /usr cannot be changed by anybody. */
const READ_ONLY_USR = ['sh', '-c', 'mount --bind /usr /usr && mount -o remount,bind,ro /usr && exec "$0"'];
const ENV = ['PATH=/usr/bin:/bin', 'LANG=C.UTF-8', 'PYTHONUNBUFFERED=1'];

const NAME = 'program';
const PLACE = '/run/ripcord';

/** The first argument is replaced by the program's path. */
const run = (
  agent: AgentProcess,
  text: string | Buffer,
  options: { argv?: string[]; cwd?: string; user?: string } = {},
) =>
  agent.run(options.argv ?? ['sh', NAME, 'one'], {
    flags: FLAG.PROGRAM,
    program: { name: NAME, text },
    ...(options.cwd && { cwd: options.cwd }),
    ...(options.user && { user: options.user }),
  });

/** The names in the directory of programs, as the agent's namespace sees it. */
const left = async (agent: AgentProcess) => (await agent.sh(`ls -A ${PLACE}`)).stdout.toString();

describeAgent('agent: programs', (suite) => {
  it("are a file of root's outside the workspace as long as they run, and gone by their EXIT", async () => {
    const agent = await suite.ready();
    const look = 'stat -c "%a %u %n %s" "$0" "$(dirname "$0")"; echo "$1"; ls -A; exit 3';
    const { stdout, stderr, exitCode } = await run(agent, look);
    expect({ stdout: stdout.toString(), stderr: stderr.toString(), exitCode }).toEqual({
      stdout: `444 0 ${PLACE}/0/${NAME} ${look.length}\n555 0 ${PLACE}/0 60\none\n`,
      stderr: '',
      exitCode: 3,
    });
    expect(await left(agent)).toBe('');
    const killed = await run(agent, 'setsid sleep 60 & kill -9 $$');
    expect(killed).toMatchObject({ outcome: OUTCOME.SIGNALED, signal: 9, backgroundKilled: 1 });
    expect(await left(agent)).toBe('');
    expect(readdirSync(agent.workspace)).toEqual([]);
  });

  it('have the lowest number that is free, one that runs alone always the same', async () => {
    const agent = await suite.ready();
    const say = 'dirname "$0"; read line';
    const spawn = () =>
      agent.spawn(['sh', NAME], { flags: FLAG.PROGRAM | FLAG.STDIN, program: { name: NAME, text: say } });
    const streams = [spawn(), spawn(), spawn()];
    for (const stream of streams) while ((await agent.next(stream)).type !== TYPE.STDOUT);
    agent.send(streams[1]!, TYPE.STDIN_EOF);
    expect((await agent.result(streams[1]!)).exitCode).toBe(1);
    expect((await run(agent, 'dirname "$0"')).stdout.toString()).toBe(`${PLACE}/1\n`);
    for (const stream of [streams[0]!, streams[2]!]) agent.send(stream, TYPE.STDIN_EOF);
    for (const stream of [streams[0]!, streams[2]!]) await agent.result(stream);
    expect((await run(agent, 'dirname "$0"')).stdout.toString()).toBe(`${PLACE}/0\n`);
  });

  it('may hold any bytes, up to what a request holds', async () => {
    const agent = await suite.ready();
    const text = Buffer.alloc(16 << 20, 0);
    for (let i = 0; i < text.length; i++) text[i] = i & 255;
    const { stdout } = await run(agent, text, { argv: ['sha256sum', NAME] });
    expect(stdout.toString().slice(0, 64)).toBe(createHash('sha256').update(text).digest('hex'));
    expect((await run(agent, '', { argv: ['wc', '-c', NAME] })).stdout.toString()).toMatch(/^0 /);
  });

  it('can be written to by nobody, nor can what lies beside them', async () => {
    const agent = await suite.ready();
    const deeds =
      'for f in "$0" "$(dirname "$0")/x" "$(dirname "$0")/../x"; do (echo >> "$f") 2>/dev/null && echo "$f"; done; rm -f "$0" 2>/dev/null && echo gone; true';
    expect((await run(agent, deeds)).stdout.toString()).toBe('');
  });

  it('leave nothing where the command cannot be started', async () => {
    const agent = await suite.ready();
    const missing = await run(agent, 'x', { argv: ['no-such-interpreter', NAME] });
    expect(missing).toMatchObject({ outcome: OUTCOME.SPAWN_FAILED, stage: STAGE.EXEC, errno: ENOENT });
    expect(await run(agent, 'x', { cwd: '/nowhere' })).toMatchObject({ stage: STAGE.CWD, errno: ENOENT });
    expect(await run(agent, 'x', { user: 'nobody-of-that-name' })).toMatchObject({ stage: STAGE.USER });
    expect(await left(agent)).toBe('');
    expect((await run(agent, 'pwd', { cwd: '/' })).stdout.toString()).toBe('/\n');
  });

  it('are gone when a command that runs as root has killed their keeper', async () => {
    const agent = await suite.ready();
    const result = await run(agent, 'kill -9 $PPID', { user: '0' });
    expect(result).toMatchObject({ outcome: OUTCOME.SIGNALED, signal: 9 });
    expect(await left(agent)).toBe('');
  });

  it('are refused when the request does not fit', async () => {
    const agent = await suite.ready();
    const whole = encodeSpawn(['sh', 'p'], { flags: FLAG.PROGRAM, program: { name: 'p', text: 'echo' } });
    const broken = [
      whole.subarray(0, -1),
      encodeSpawn(['sh'], { flags: FLAG.PROGRAM }),
      ...['', '.', '../p', 'a/b', '.hidden', 'x'.repeat(32)].map((name) =>
        encodeSpawn(['sh', 'p'], { flags: FLAG.PROGRAM, program: { name, text: '' } }),
      ),
      ...[0, 2, 0xffff_ffff].map((at) =>
        encodeSpawn(['sh', 'p'], { flags: FLAG.PROGRAM, program: { name: 'p', text: '', at } }),
      ),
      encodeSpawn(['stat', '/'], { flags: FLAG.PROGRAM | FLAG.FS, program: { name: 'p', text: '' } }),
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
  const start = (agent: AgentProcess, text: string, env = ENV) => {
    const program = { name: 'p.py', text, warm: true };
    return agent.spawn(['python3', 'p.py', 'a'], { flags: FLAG.PROGRAM, env: [...env, 'HOME=/home'], program });
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
    expect(await left(agent)).toBe('');
  });

  it('gives a fork the values of the request, and none to one that leaves a name of its own out', async () => {
    const agent = await suite.ready({ wrapper: READ_ONLY_USR });
    ask(agent, undefined, [...ENV, 'SAME=1', 'OTHER=1']);
    expect(await answer(agent)).toBe(1);
    const code = 'import os\nprint(sorted(set(os.environ.items()) - {("LC_CTYPE", "C.UTF-8")}))';
    const say = async (more: string[]) => {
      const result = await agent.result(start(agent, code, [...more, ...ENV]));
      return { warm: wasWarm(result), stdout: result.stdout.toString() };
    };
    const fixed = "('HOME', '/home'), ('LANG', 'C.UTF-8')";
    expect(await say(['OTHER=2', 'SAME=1', 'A=x'])).toEqual({
      warm: true,
      stdout: `[('A', 'x'), ${fixed}, ('OTHER', '2'), ('PATH', '/usr/bin:/bin'), ('PYTHONUNBUFFERED', '1'), ('SAME', '1')]\n`,
    });
    expect(await say(['SAME=1'])).toEqual({
      warm: false,
      stdout: `[${fixed}, ('PATH', '/usr/bin:/bin'), ('PYTHONUNBUFFERED', '1'), ('SAME', '1')]\n`,
    });
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
    expect(await left(agent)).toBe('');
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
