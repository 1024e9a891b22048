import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type AgentOptions, FLAG, marker, OUTCOME, TYPE, u32, u64 } from '../../helpers/agent-process.js';
import { type AgentSuite, describeAgent, EXIT_FLAG, gone, there } from '../../helpers/agent-suite.js';

const CAN_COUNT_SOCKETS = 2048;
const RESET_DONE_AT = 8;

/** Opens as many sockets as its first argument says, and ends after as many milliseconds as the second. */
const HOLDER = `
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int count, char **argument) {
    if (count != 3) return 2;
    for (int i = atoi(argument[1]); i > 0; i--) {
        if (socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 1;
    }
    (void)write(1, "open\\n", 5);
    return usleep(1000 * (unsigned)atoi(argument[2]));
}`;

/** Several looks of the agent's. */
const FOR_A_WHILE = '400';
const FOR_EVER = '900000';

function holder({ directory }: AgentSuite): string {
  const path = join(directory, 'holder');
  if (existsSync(path)) return path;
  writeFileSync(`${path}.c`, HOLDER);
  execFileSync('cc', ['-static', '-o', path, `${path}.c`]);
  return path;
}

const ownNetwork: AgentOptions = { wrapper: ['unshare', '--net'] };

describeAgent('agent: sockets', (suite) => {
  /** In a network of its own, with that many sockets allowed. */
  const limited = async (sockets: number, options?: AgentOptions) => {
    const agent = await suite.start({ ...ownNetwork, ...options });
    const ready = await agent.next();
    expect(ready.payload.readUInt16LE(2) & CAN_COUNT_SOCKETS).toBe(CAN_COUNT_SOCKETS);
    agent.send(0, TYPE.LIMITS, u32(sockets));
    return agent;
  };
  const killed = { outcome: OUTCOME.SIGNALED, signal: 9, exitCode: -1, flags: EXIT_FLAG.SOCKETS };
  const well = { outcome: OUTCOME.EXITED, exitCode: 0, flags: 0 };

  it('lets commands have as many as are allowed, its own left out', async () => {
    const agent = await limited(40);
    const streams = [20, 20].map((count) => agent.spawn([holder(suite), `${count}`, FOR_A_WHILE]));
    for (const stream of streams) expect(await agent.result(stream)).toMatchObject(well);
  });

  it('kills a command that has one more, and not the next', async () => {
    const agent = await limited(40);
    expect(await agent.run([holder(suite), '41', FOR_EVER])).toMatchObject(killed);
    expect(await agent.run([holder(suite), '40', FOR_A_WHILE])).toMatchObject(well);
  });

  it('counts those of all commands, and kills all: brief ones, a shell with children, what was detached', async () => {
    const agent = await limited(40);
    const [left, child] = [marker(), marker()];
    await agent.result(agent.spawn(['sh', '-c', `setsid sleep ${left} & exit 3`], { flags: FLAG.DETACHED }));
    const brief = agent.spawn(['sleep', '900'], { flags: FLAG.BRIEF });
    const shell = agent.spawn(['sh', '-c', `sleep ${child} & wait`]);
    await there(left);
    await there(child);
    const holders = [30, 30].map((count) => agent.spawn([holder(suite), `${count}`, FOR_EVER]));
    for (const stream of [brief, shell, ...holders]) expect(await agent.result(stream)).toMatchObject(killed);
    await gone(left);
    await gone(child);
  });

  it('says so of a command that has ended by itself, whose children were killed', async () => {
    const agent = await limited(40);
    const result = await agent.sh(`${holder(suite)} 41 ${FOR_EVER} & exit 3`, { drainMs: 60_000 });
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 3, flags: EXIT_FLAG.SOCKETS });
    expect(result.backgroundKilled).toBe(1);
  });

  it('leaves a file operation alone', async () => {
    const agent = await limited(40);
    const write = ['write', `${agent.workspace}/file`, '-', '-1', '0'];
    const stream = agent.spawn(write, { flags: FLAG.FS | FLAG.STDIN });
    agent.send(stream, TYPE.STDIN, Buffer.from('content'));
    expect(await agent.run([holder(suite), '41', FOR_EVER])).toMatchObject(killed);
    agent.send(stream, TYPE.STDIN_EOF);
    expect(await agent.result(stream)).toMatchObject(well);
    expect(readFileSync(`${agent.workspace}/file`, 'utf8')).toBe('content');
  });

  it('keeps another number from when it is told, and any with 0', async () => {
    const agent = await limited(40);
    agent.send(0, TYPE.LIMITS, u32(0));
    expect(await agent.run([holder(suite), '200', FOR_A_WHILE])).toMatchObject(well);
    agent.send(0, TYPE.LIMITS, u32(100));
    expect(await agent.run([holder(suite), '100', FOR_A_WHILE])).toMatchObject(well);
    expect(await agent.run([holder(suite), '101', FOR_EVER])).toMatchObject(killed);
  });

  it('keeps it after a RESET', async () => {
    const agent = await limited(40);
    agent.send(0, TYPE.RESET, u64(7));
    const answer = await agent.next(0);
    expect(answer.type).toBe(TYPE.RESET_DONE);
    // HELLO did not ask for it, so it fails.
    expect(answer.payload.readUInt32LE(RESET_DONE_AT)).not.toBe(0);
    expect(await agent.run([holder(suite), '41', FOR_EVER])).toMatchObject(killed);
  });

  it('sleeps while nothing runs', async () => {
    const agent = await limited(40);
    await agent.run(['true']);
    const wakeUps = () =>
      Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${agent.agentPid}/status`, 'utf8'))?.[1]);
    // The second answer comes after all work that the end of the command makes.
    for (let i = 0; i < 2; i++) {
      agent.send(0, TYPE.PING, u64(i));
      await agent.next(0);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = wakeUps();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(wakeUps()).toBe(before);
  });

  it('does not take the sockets of others for those of the sandbox', async () => {
    // Here the agent is not the first one in its network, as where the kernel counts those of the whole machine.
    const others = 'mkfifo "$0" && { "$1" 17 900000 > "$0" & } && read word < "$0" && rm "$0" && shift && exec "$@"';
    const fifo = join(suite.directory, 'open');
    const wrapper = [...ownNetwork.wrapper!, 'sh', '-c', others, fifo, holder(suite)];
    const agent = await suite.start({ wrapper });
    const ready = await agent.next();
    expect(ready.payload.readUInt16LE(2) & CAN_COUNT_SOCKETS).toBe(0);
    agent.send(0, TYPE.LIMITS, u32(16));
    expect(await agent.run([holder(suite), '200', FOR_A_WHILE])).toMatchObject(well);
  });
});
