import { expect, it } from 'vitest';
import { encodeSpawn, FLAG, STDIN_WINDOW, TYPE, u32 } from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';

describeAgent('agent: stdin', (suite) => {
  it('is told to be closed when nobody reads it, and what comes later is dropped', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['sh', '-c', 'exec <&-; sleep 0.5; echo done'], { flags: FLAG.STDIN });
    for (;;) {
      const frame = await agent.next(stream);
      if (frame.type === TYPE.STDIN_CLOSED) break;
    }
    for (let i = 0; i < 10; i++) agent.send(stream, TYPE.STDIN, Buffer.alloc(65_536));
    expect((await agent.result(stream)).stdout.toString()).toBe('done\n');
  });

  it('ends with STDIN_EOF, also before the command has started', async () => {
    const agent = await suite.ready();
    const request = encodeSpawn(['cat'], { flags: FLAG.STDIN });
    const stream = 1;
    agent.send(stream, TYPE.SPAWN, Buffer.concat([u32(request.length), request.subarray(0, 20)]));
    agent.send(stream, TYPE.STDIN, Buffer.from('early'));
    agent.send(stream, TYPE.STDIN_EOF);
    agent.send(stream, TYPE.SPAWN_MORE, request.subarray(20));
    expect((await agent.result(stream)).stdout.toString()).toBe('early');
  });

  it('gives back all of the window for what was read', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['sh', '-c', 'cat >/dev/null'], { flags: FLAG.STDIN });
    let sent = 0;
    let credit = STDIN_WINDOW;
    while (sent < 4 * STDIN_WINDOW) {
      const n = Math.min(credit, 65_536);
      agent.send(stream, TYPE.STDIN, Buffer.alloc(n));
      sent += n;
      credit -= n;
      while (credit === 0) {
        const frame = await agent.next(stream);
        if (frame.type === TYPE.STDIN_CREDIT) credit += frame.payload.readUInt32LE(0);
      }
    }
    agent.send(stream, TYPE.STDIN_EOF);
    expect((await agent.result(stream)).exitCode).toBe(0);
  });
});
