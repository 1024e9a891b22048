/** A server keeps the last commands of a sandbox. */
import { describe, expect, it } from 'vitest';
import type { CommandResult } from '../../../src/command/outcome.js';
import { CommandHistory } from '../../../src/server/commands/command-history.js';

const exited = { outcome: 'exited', exitCode: 3, signal: null } as CommandResult;

describe('the commands of a sandbox', () => {
  it('are listed newest first, with how each ended', () => {
    const history = new CommandHistory();
    history.started('a', ['true'], 1);
    history.started('b', ['sh', '-c', 'kill $$'], 2);
    history.started('c', ['sleep', '9'], 3);
    history.ended('a', exited, 4);
    history.ended('b', { outcome: 'signaled', exitCode: null, signal: 'SIGTERM' } as CommandResult, 5);
    history.ended('never started', exited, 6);
    expect(history.list()).toEqual([
      { id: 'c', argv: ['sleep', '9'], startedAt: 3 },
      {
        id: 'b',
        argv: ['sh', '-c', 'kill $$'],
        startedAt: 2,
        endedAt: 5,
        outcome: 'signaled',
        exitCode: null,
        signal: 'SIGTERM',
      },
      { id: 'a', argv: ['true'], startedAt: 1, endedAt: 4, outcome: 'exited', exitCode: 3 },
    ]);
    expect(history.last).toEqual({ argv: ['sleep', '9'], startedAt: 3 });
    history.ended('c', undefined, 7);
    expect(history.last).toEqual({ argv: ['sleep', '9'], startedAt: 3, endedAt: 7, outcome: 'aborted' });
  });

  it('are a hundred at most: the oldest that has ended makes room, not one that still runs', () => {
    const history = new CommandHistory();
    history.started('server', ['serve'], 0);
    for (let index = 1; index < 1000; index++) {
      history.started(`${index}`, ['true'], index);
      history.ended(`${index}`, exited, index);
    }
    const kept = history.list();
    expect(kept.length).toBe(100);
    expect(kept[0]!.id).toBe('999');
    expect(kept.at(-1)).toMatchObject({ id: 'server' });
    for (let index = 0; index < 1000; index++) history.started(`run ${index}`, ['sleep', '1'], index);
    expect(history.list().length).toBe(100);
  });

  it('are cut where they are long, visibly', () => {
    const history = new CommandHistory();
    history.started('a', ['echo', 'x'.repeat(5000), ...Array(5000).fill('y')], 1);
    const { argv } = history.last!;
    expect(argv[1]).toBe(`${'x'.repeat(200)}…`);
    expect([argv.length, argv.at(-1)]).toEqual([17, '…']);
  });
});
