import { constants } from 'node:os';
import { expect, it, vi } from 'vitest';
import { encodeSpawn, OUTCOME, u32 } from '../../helpers/agent-process.js';
import { describeAgent, EXIT_FLAG, STAGE } from '../../helpers/agent-suite.js';

const { EACCES, EAGAIN, ECANCELED, EINVAL, ENOENT, E2BIG } = constants.errno;
// Node's constants do not have it.
const EUSERS = 87;

describeAgent('agent: a command that cannot start', (suite) => {
  it.each<[string, { argv: string[]; options?: object }, { stage: number; errno: number }]>([
    ['is not found', { argv: ['no-such-program'] }, { stage: STAGE.EXEC, errno: ENOENT }],
    ['is not found by its path', { argv: ['/no/such'] }, { stage: STAGE.EXEC, errno: ENOENT }],
    ['is not executable', { argv: ['/etc/passwd'] }, { stage: STAGE.EXEC, errno: EACCES }],
    ['is a directory', { argv: ['/usr'] }, { stage: STAGE.EXEC, errno: EACCES }],
    ['has no such cwd', { argv: ['true'], options: { cwd: '/no/such' } }, { stage: STAGE.CWD, errno: ENOENT }],
    ['may not enter its cwd', { argv: ['true'], options: { cwd: '/root' } }, { stage: STAGE.CWD, errno: EACCES }],
    ['has no such user', { argv: ['true'], options: { user: 'nosuch' } }, { stage: STAGE.USER, errno: ENOENT }],
    ['has no such group', { argv: ['true'], options: { user: '1000:nosuch' } }, { stage: STAGE.USER, errno: ENOENT }],
    ['has a broken user', { argv: ['true'], options: { user: '12x' } }, { stage: STAGE.USER, errno: EINVAL }],
    ['has uid -1', { argv: ['true'], options: { user: '4294967295' } }, { stage: STAGE.USER, errno: EINVAL }],
    ['has no argv', { argv: [] }, { stage: STAGE.REQUEST, errno: EINVAL }],
    ['has an empty name', { argv: [''] }, { stage: STAGE.REQUEST, errno: EINVAL }],
    ['has a NUL in an argument', { argv: ['true', 'a\0b'] }, { stage: STAGE.REQUEST, errno: EINVAL }],
    ['has a variable without =', { argv: ['true'], options: { env: ['A'] } }, { stage: STAGE.REQUEST, errno: EINVAL }],
  ])('%s: says where and why', async (_, { argv, options }, want) => {
    const agent = await suite.ready();
    const result = await agent.run(argv, options);
    expect(result).toMatchObject({ outcome: OUTCOME.SPAWN_FAILED, exitCode: -1, signal: 0, ...want });
    expect(result.pid).toBeUndefined();
  });

  it('has a request that lies about its counts', async () => {
    const agent = await suite.ready();
    const fixed = encodeSpawn([]).subarray(0, 92);
    for (const lie of [u32(0xffff_ffff), u32(1 << 20), Buffer.concat([u32(1), u32(0xffff_fff0)])]) {
      const result = await agent.result(agent.spawnRaw(Buffer.concat([fixed, lie])));
      expect(result).toMatchObject({ outcome: OUTCOME.SPAWN_FAILED, stage: STAGE.REQUEST, errno: EINVAL });
    }
  });

  it('has a request over 4 MiB', async () => {
    const agent = await suite.ready();
    const result = await agent.result(agent.spawnRaw(encodeSpawn(['true']), (20 << 20) + 1));
    expect(result).toMatchObject({ outcome: OUTCOME.SPAWN_FAILED, stage: STAGE.REQUEST, errno: E2BIG });
  });

  it('is killed before its request is complete', async () => {
    const agent = await suite.ready();
    const stream = agent.spawnRaw(encodeSpawn(['true']), 1000);
    agent.kill(stream);
    expect(await agent.result(stream)).toMatchObject({
      outcome: OUTCOME.SPAWN_FAILED,
      stage: STAGE.REQUEST,
      errno: ECANCELED,
      flags: EXIT_FLAG.KILLED_BY_HOST,
    });
  });

  it('is one too many', async () => {
    const agent = await suite.ready();
    for (let i = 0; i < 512; i++) agent.spawnRaw(encodeSpawn(['true']), 1000);
    expect(await agent.run(['true'])).toMatchObject({
      outcome: OUTCOME.SPAWN_FAILED,
      stage: STAGE.RESOURCES,
      errno: EUSERS,
    });
    agent.kill(1);
    await agent.result(1);
    expect((await agent.run(['true'])).exitCode).toBe(0);
  });

  it('finds no process left in the sandbox', async () => {
    const agent = await suite.limited({ pids: 8 });
    const fill =
      'import os, time\nwhile True:\n try: pid = os.fork()\n except OSError: pid = 1; time.sleep(0.01)\n if pid == 0: time.sleep(1000)';
    const full = agent.spawn(['python3', '-c', fill]);
    await vi.waitFor(
      async () => {
        const result = await agent.run(['true']);
        expect(result).toMatchObject({
          outcome: OUTCOME.SPAWN_FAILED,
          stage: STAGE.RESOURCES,
          errno: EAGAIN,
        });
        expect(result.flags & EXIT_FLAG.PIDS_ROSE).toBe(EXIT_FLAG.PIDS_ROSE);
      },
      { timeout: 5000 },
    );
    agent.kill(full);
    expect((await agent.result(full)).flags & EXIT_FLAG.PIDS_ROSE).toBe(EXIT_FLAG.PIDS_ROSE);
    expect((await agent.run(['true'])).exitCode).toBe(0);
  });
});
