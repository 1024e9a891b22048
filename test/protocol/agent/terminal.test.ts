import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { FLAG, OUTCOME, TYPE, u8, u16 } from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';

const { SIGINT } = constants.signals;

describeAgent('agent: a terminal', (suite) => {
  it('is the controlling one, of the size asked for, owned by the user', async () => {
    const agent = await suite.ready();
    const script = 'tty; stty size; stat -c %u "$(tty)"; : < /dev/tty && echo controlling; test -t 2 && echo all';
    const result = await agent.sh(script, { flags: FLAG.PTY, cols: 123, rows: 45 });
    expect(result.stdout.toString()).toMatch(/^\/dev\/pts\/\d+\r\n45 123\r\n1000\r\ncontrolling\r\nall\r\n$/);
    expect([...result.totals.keys()]).toEqual([1]);
  });

  it('is resized, and its program told', async () => {
    const agent = await suite.ready();
    const script = 'trap "stty size; exit" WINCH; echo up; while :; do sleep 0.02; done';
    const stream = agent.spawn(['sh', '-c', script], { flags: FLAG.PTY });
    const result = await agent.result(stream, (frame) => {
      if (frame.type === TYPE.STDOUT && frame.payload.toString().includes('up')) {
        agent.send(stream, TYPE.RESIZE, Buffer.concat([u16(99), u16(33)]));
      }
    });
    expect(result.stdout.toString()).toContain('33 99');
  });

  it('takes input, control characters and the end of input', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['sh', '-c', 'stty -echo; echo up; cat; echo end'], { flags: FLAG.PTY });
    const result = await agent.result(stream, (frame) => {
      if (frame.type !== TYPE.STDOUT || !frame.payload.toString().includes('up')) return;
      agent.send(stream, TYPE.STDIN, Buffer.from('line\n'));
      agent.send(stream, TYPE.STDIN_EOF);
    });
    expect(result.stdout.toString()).toBe('up\r\nline\r\nend\r\n');
    const interrupted = agent.spawn(['sh', '-c', 'echo up; sleep 100'], { flags: FLAG.PTY });
    const end = await agent.result(interrupted, (frame) => {
      if (frame.type === TYPE.STDOUT) agent.send(interrupted, TYPE.STDIN, u8(3));
    });
    expect(end).toMatchObject({ outcome: OUTCOME.SIGNALED, signal: SIGINT });
  });

  it('delivers everything a program wrote before it ended', async () => {
    const agent = await suite.ready();
    for (let i = 0; i < 20; i++) {
      const result = await agent.sh('i=0; while [ $i -lt 300 ]; do echo 0123456789; i=$((i+1)); done', {
        flags: FLAG.PTY,
      });
      expect(result.stdout.length).toBe(3600);
    }
  });
});
