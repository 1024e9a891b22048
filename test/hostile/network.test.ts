/** Battery 52–54: the network there is none of. 55, the allow-list, is not there yet. */
import { expect } from 'vitest';
import { battery } from '../helpers/hostile.js';

battery('network', ['runc'], (attack) => {
  attack('52 connections to anywhere: one interface, refused at once', {}, async ({ run }) => {
    const { stdout } = await run('interfaces.py');
    expect(stdout).toBe('lo\nENETUNREACH\nat once\n');
  });

  attack('53 names by any resolver: nothing leaves', {}, async ({ run }) => {
    const result = await run('resolvers.py', [], { timeoutMs: 20_000 });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(result.stdout).toMatch(/^(ECONNREFUSED|ENETUNREACH|silence| )+\n$/);
    expect(result.durationMs).toBeLessThan(10_000);
  });

  attack('54 cloud metadata in every spelling: out of reach', {}, async ({ run }) => {
    const { stdout } = await run('metadata.py', [], { timeoutMs: 30_000 });
    expect(stdout).not.toContain('reached');
    expect(stdout).toMatch(/^[\w ]+ 11\n$/);
  });
});
