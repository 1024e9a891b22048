/** Operations run as the user, whose commands can stop them (SIGSTOP): each gets to its end all the same. */
import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { type AgentProcess, FLAG, OUTCOME, TYPE } from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';

/** Stops all other processes of its user as soon as there is one, `times` times. */
const stopper = (times: string) => `import os, signal
def others():
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if int(pid) != os.getpid() and '\\nUid:\\t1000' in open(f'/proc/{pid}/status').read(): return True
        except OSError: pass
while not others(): pass
for _ in ${times}:
    os.kill(-1, signal.SIGSTOP)
print('stopped')
`;
const FOREVER = 'iter(int, 1)';

const startWrite = (agent: AgentProcess, path: string, size: number) =>
  agent.spawn(['write', path, '-', String(size)], { flags: FLAG.FS | FLAG.STDIN });

describeAgent('agent: stopped operations', (suite) => {
  it('go on', async () => {
    const agent = await suite.ready();
    const path = `${agent.workspace}/file`;
    const writing = startWrite(agent, path, 5);
    const stopped = await agent.run(['python3', '-c', stopper('range(3)')]);
    expect(stopped.stdout.toString()).toBe('stopped\n');
    agent.send(writing, TYPE.STDIN, Buffer.from('hello'));
    expect(await agent.result(writing)).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 0 });
    expect((await agent.fs('read', [path])).stdout.toString()).toBe('hello');
  });

  it('end where they are stopped for ever', async () => {
    const agent = await suite.ready();
    const stopping = agent.spawn(['python3', '-c', stopper(FOREVER)]);
    const path = `${agent.workspace}/file`;
    const result = await agent.result(startWrite(agent, path, 5));
    expect(result).toMatchObject({ outcome: OUTCOME.SIGNALED, signal: constants.signals.SIGKILL });
    // A short operation may end between two stops.
    for (const operation of [['list', agent.workspace], ['attempts'], ['connect', '9']]) {
      const { outcome } = await agent.result(agent.spawn(operation, { flags: FLAG.FS | FLAG.STDIN }));
      expect([OUTCOME.EXITED, OUTCOME.SIGNALED]).toContain(outcome);
    }
    agent.kill(stopping);
    await agent.result(stopping);
    expect((await agent.fs('list', [agent.workspace])).exitCode).toBe(0);
  });
});
