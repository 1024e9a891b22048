import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AgentProcess, FLAG, OUTCOME, type SpawnOptions, TYPE } from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';

const { SIGSEGV } = constants.signals;
const DISCARD = 1;

describeAgent('agent: a command', (suite) => {
  describe('a command', () => {
    it('ends with its exit code, both channels apart', async () => {
      const agent = await suite.ready();
      const result = await agent.sh('echo out; echo err >&2; exit 7');
      expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 7, signal: 0, flags: 0, errno: 0 });
      expect(result.stdout.toString()).toBe('out\n');
      expect(result.stderr.toString()).toBe('err\n');
      expect([...result.totals]).toEqual(
        expect.arrayContaining([
          [1, 4],
          [2, 4],
        ]),
      );
      expect(result).toMatchObject({ stdoutBytes: 4, stderrBytes: 4 });
      expect(result.durationUs).toBeGreaterThan(0);
      expect(result.maxRssBytes).toBeGreaterThan(100_000);
    });

    it('ends with its signal', async () => {
      const agent = await suite.ready();
      const result = await agent.sh('kill -SEGV $$');
      expect(result).toMatchObject({ outcome: OUTCOME.SIGNALED, exitCode: -1, signal: SIGSEGV });
    });

    it('says nothing but its output and its end when it is brief', async () => {
      const agent = await suite.ready();
      const run = async (argv: string[], options: SpawnOptions = {}) => {
        const types: number[] = [];
        const stream = agent.spawn(argv, { flags: FLAG.BRIEF, ...options });
        const result = await agent.result(stream, (frame) => types.push(frame.type));
        return { ...result, types };
      };
      const both = await run(['sh', '-c', 'printf out; printf err >&2; exec >&- 2>&-; exit 7']);
      expect(new Set(both.types)).toEqual(new Set([TYPE.STDOUT, TYPE.STDERR, TYPE.EXIT]));
      expect(both).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 7, stdoutBytes: 3, stderrBytes: 3 });
      expect(`${both.stdout}${both.stderr}`).toBe('outerr');
      expect((await run(['true'])).types).toEqual([TYPE.EXIT]);

      const missing = await run(['/no/such/program']);
      expect(missing.types).toEqual([TYPE.EXIT]);
      expect(missing).toMatchObject({ outcome: OUTCOME.SPAWN_FAILED, stage: 5, errno: constants.errno.ENOENT });

      const late = await run(['sleep', '60'], { timeoutMs: 50 });
      expect(late.types).toEqual([TYPE.EXIT]);
      expect(late.outcome).toBe(OUTCOME.TIMEOUT);

      const cut = await run(['sh', '-c', 'printf 0123456789'], { head: 2n, tail: 3n });
      expect(cut.stdout.toString()).toBe('01789');
      expect(cut.gaps).toMatchObject([{ channel: 1, dropped: 5 }]);
    });

    it('sends its last words with its end when it is patient, and the first ones soon when it goes on', async () => {
      const agent = await suite.ready();
      const flags = FLAG.BRIEF | FLAG.PATIENT;
      const twice = 'import os, time\nos.write(1, b"a"); time.sleep(0.0005); os.write(1, b"b")';
      let frames = 0;
      // A busy machine may take longer than the agent waits.
      for (let tries = 0; tries < 20 && frames !== 2; tries++) {
        frames = 0;
        const stream = agent.spawn(['python3', '-I', '-c', twice], { flags });
        const result = await agent.result(stream, () => frames++);
        expect(result.stdout.toString()).toBe('ab');
      }
      expect(frames).toBe(2);

      const going = agent.spawn(['sh', '-c', 'printf a; exec sleep 600'], { flags });
      expect(await agent.next(going)).toMatchObject({ type: TYPE.STDOUT, payload: Buffer.from('a') });
      agent.kill(going);
      expect((await agent.result(going)).signal).toBe(9);

      const flood = await agent.run(['sh', '-c', 'head -c 3000000 /dev/zero'], { flags });
      expect(flood.stdout.length).toBe(3_000_000);
    });

    it('sends what was said before the kill that discards the rest', async () => {
      const agent = await suite.ready();
      const say = (i: string) =>
        `while ! test -e go-${i}; do sleep 0.01; done; printf a; : > said-${i}; exec sleep 600`;
      const seen = async (name: string) => {
        while (!existsSync(join(agent.workspace, name))) await new Promise(setImmediate);
      };
      for (const flags of [FLAG.BRIEF | FLAG.PATIENT, FLAG.BRIEF, 0]) {
        const stream = agent.spawn(['sh', '-c', `: > begun-${flags}; ${say(String(flags))}`], { flags });
        if (flags === 0) expect((await agent.next(stream)).type).toBe(TYPE.STARTED);
        await seen(`begun-${flags}`);
        // Both wait for it when it goes on.
        process.kill(agent.agentPid, 'SIGSTOP');
        writeFileSync(join(agent.workspace, `go-${flags}`), '');
        await seen(`said-${flags}`);
        agent.kill(stream, { flags: DISCARD });
        process.kill(agent.agentPid, 'SIGCONT');
        expect((await agent.result(stream)).stdout.toString(), `flags ${flags}`).toBe('a');
      }
      // Within what a patient command's output waits, and as that ends.
      for (let i = 0; i < 40; i++) {
        const script = `printf a; : > late-${i}; exec sleep 600`;
        const stream = agent.spawn(['sh', '-c', script], { flags: FLAG.BRIEF | FLAG.PATIENT });
        await seen(`late-${i}`);
        const until = performance.now() + (i % 10) * 0.3;
        while (performance.now() < until);
        agent.kill(stream, { flags: DISCARD });
        expect((await agent.result(stream)).stdout.toString()).toBe('a');
      }
    });

    it('sends STARTED with its pid before any output', async () => {
      const agent = await suite.ready();
      const types: number[] = [];
      const stream = agent.spawn(['sh', '-c', 'echo $$']);
      const result = await agent.result(stream, (frame) => types.push(frame.type));
      expect(types[0]).toBe(TYPE.STARTED);
      expect(types.at(-1)).toBe(TYPE.EXIT);
      expect(result.stdout.toString().trim()).toBe(String(result.pid));
    });

    it('has exactly the environment it was given, /dev/null as stdin and no other descriptor', async () => {
      const agent = await suite.ready();
      const env = await agent.run(['/usr/bin/env'], { env: ['A=1', 'B=two words', 'EMPTY='] });
      expect(env.stdout.toString()).toBe('A=1\nB=two words\nEMPTY=\n');
      const fds = await agent.run(['ls', '-l', '/proc/self/fd']);
      const links = [...fds.stdout.toString().matchAll(/ (\d+) -> (.*)/g)].map(([, fd, target]) => `${fd} ${target}`);
      expect(links).toHaveLength(4);
      expect(links[0]).toBe('0 /dev/null');
      // The descriptor that ls itself reads.
      expect(links[3]).toMatch(/^3 \/proc\/\d+\/fd$/);
    });

    it('starts in the workspace or where it is told', async () => {
      const agent = await suite.ready();
      expect((await agent.run(['pwd'])).stdout.toString().trim()).toBe(agent.workspace);
      expect((await agent.run(['pwd'], { cwd: '/usr' })).stdout.toString()).toBe('/usr\n');
    });

    it('can open its own descriptors by name', async () => {
      const agent = await suite.ready();
      const stream = agent.spawn(['sh', '-c', 'cat /dev/stdin >/dev/stdout; echo err >/dev/stderr'], {
        flags: FLAG.STDIN,
      });
      agent.send(stream, TYPE.STDIN, Buffer.from('in'));
      agent.send(stream, TYPE.STDIN_EOF);
      const result = await agent.result(stream);
      expect(result.stdout.toString()).toBe('in');
      expect(result.stderr.toString()).toBe('err\n');
    });

    it('is looked up in the PATH of its own environment', async () => {
      const agent = await suite.ready();
      const tool = join(agent.workspace, 'tool');
      writeFileSync(tool, '#!/bin/sh\necho mine\n', { mode: 0o755 });
      const result = await agent.run(['tool'], { env: [`PATH=/nowhere:${agent.workspace}`] });
      expect(result.stdout.toString()).toBe('mine\n');
      expect((await agent.run(['true'], { env: [] })).exitCode).toBe(0);
    });

    it('runs as the sandbox user, without capabilities, with no way to gain any', async () => {
      const agent = await suite.ready();
      const status = (await agent.run(['cat', '/proc/self/status'])).stdout.toString();
      expect(status).toMatch(/Uid:\s1000\s1000\s1000\s1000/);
      expect(status).toMatch(/Gid:\s1000\s1000\s1000\s1000/);
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(status).toMatch(new RegExp(`${set}:\\s0+\n`));
      expect(status).toMatch(/NoNewPrivs:\s1/);
      expect(status).toMatch(/SigBlk:\s0+\n/);
      // dash's own SIGCHLD handler is not the question: nothing is ignored.
      expect(status).toMatch(/SigIgn:\s0+\n/);
    });

    it('has no capabilities as root either', async () => {
      const agent = await suite.ready();
      const status = (await agent.run(['cat', '/proc/self/status'], { user: '0' })).stdout.toString();
      expect(status).toMatch(/Uid:\s0\s0\s0\s0/);
      expect(status).toMatch(/CapEff:\s0+\n/);
      expect(status).toMatch(/CapPrm:\s0+\n/);
    });

    it('is a likelier victim of the OOM killer than the agent, and leaves no core', async () => {
      const agent = await suite.ready();
      const result = await agent.sh('cat /proc/self/oom_score_adj; cat /proc/1/oom_score_adj; ulimit -c');
      const [own, agents, core] = result.stdout.toString().split('\n').map(Number);
      expect(own).toBe(Math.min(1000, agents! + 200));
      expect(core).toBe(0);
    });

    it('takes 2 MiB of arguments in many frames', async () => {
      const agent = await suite.ready();
      const words = Array.from({ length: 20 }, (_, i) => String(i).repeat(100_000 / String(i).length));
      const total = words.reduce((sum, word) => sum + word.length, 0);
      const result = await agent.run(['sh', '-c', 'IFS=; printf %s "$*" | wc -c', 'sh', ...words]);
      expect(Number(result.stdout)).toBe(total);
    });

    it('counts what its whole tree used', async () => {
      const agent = await suite.ready();
      const result = await agent.sh('(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done) & wait');
      expect(result.cpuUs).toBeGreaterThan(20_000);
    });

    it('is done when its own descriptors are closed early', async () => {
      const agent = await suite.ready();
      const result = await agent.sh('exec >&- 2>&-; sleep 0.1; exit 7');
      expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 7 });
    });
  });

  describe('nothing of PID 1 is open to a command', () => {
    it.each(['1000', '0'])('as uid %s', async (user) => {
      const agent = await suite.ready();
      const script = [
        'for f in /proc/1/fd/* /proc/1/fd/0 /proc/1/fd/1 /proc/1/fd/3 /proc/1/fd/4; do',
        '  (: < "$f") 2>/dev/null && echo "read $f"; (: > "$f") 2>/dev/null && echo "wrote $f"; done',
        'for f in mem environ maps; do cat /proc/1/$f >/dev/null 2>&1 && echo "read $f"; done; true',
      ].join('\n');
      const result = await agent.sh(script, { user });
      expect(result.stdout.toString()).toBe('');
    });

    it('nor of a keeper', async () => {
      const agent = await suite.ready();
      const result = await agent.sh(
        'for f in /proc/$PPID/fd/*; do (: > "$f") 2>/dev/null && echo "wrote $f"; done; true',
      );
      expect(result.stdout.toString()).toBe('');
    });
  });

  describe('users', () => {
    const id = async (agent: AgentProcess, user: string) => (await agent.run(['id', '-u', '-n'], { user })).exitCode;

    it.each([
      ['a uid without an entry gets gid = uid', '54321', '54321 54321 54321'],
      ['uid:gid', '54321:12345', '54321 12345 12345'],
      ['a name', 'daemon', '1 1 1'],
      ['name:group', 'daemon:bin', '1 2 2'],
      ['name:gid', 'daemon:77', '1 77 77'],
    ])('%s', async (_, user, want) => {
      const agent = await suite.ready();
      const result = await agent.sh('echo $(id -u) $(id -g) $(id -G)', { user });
      expect(result.stdout.toString().trim()).toBe(want);
    });

    it('falls back to the default user of HELLO', async () => {
      const agent = await suite.ready({ user: 'daemon' });
      expect((await agent.run(['id', '-u'])).stdout.toString()).toBe('1\n');
      expect(await id(agent, '0')).toBe(0);
    });

    it('gives the supplementary groups of /etc/group', async () => {
      const group = readFileSync('/etc/group', 'utf8')
        .split('\n')
        .map((line) => line.split(':'));
      const member = group.find(([, , , members]) => members);
      // A machine without any membership has nothing to check.
      if (!member) return;
      const [user] = member[3]!.split(',');
      const expected = execFileSync('id', ['-G', user!], { encoding: 'utf8' }).trim().split(' ').sort();
      const agent = await suite.ready();
      const result = await agent.run(['id', '-G'], { user: user! });
      expect(result.stdout.toString().trim().split(' ').sort()).toEqual(expected);
    });
  });
});
