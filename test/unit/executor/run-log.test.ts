/** A run on disk: readable while it goes on, after a crash, and resumable. */
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toJson } from '../../../src/executor/describe.js';
import { readRun } from '../../../src/executor/record/read-run.js';
import { TaskController } from '../../../src/executor/task/task-controller.js';
import { useTempDirectory } from '../../helpers/temp.js';
import { Events, loop } from './loops.js';

const at = useTempDirectory();

describe('a recorded run', () => {
  it('can be read back as it was', async () => {
    const events = new Events();
    const result = await loop({ maxIterations: 2, branches: 2 }).run('task', {
      runDirectory: at('run'),
      onEvent: events.take,
      id: 'recorded',
    });
    const recorded = await readRun(at('run'));
    expect(recorded).toMatchObject({ run: 'recorded', task: 'task', status: 'exhausted', tornLines: 0 });
    expect(recorded.finalOutput).toBe(result.finalOutput);
    expect(recorded.events.map(({ seq, type }) => [seq, type])).toEqual(events.all.map(({ seq, type }) => [seq, type]));
    expect(recorded.iterations.map(({ iteration, branches }) => [iteration, branches.length])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(recorded.state).toEqual(JSON.parse(JSON.stringify(result.state)));
  });

  it('that cannot begin leaves no file open', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 20; i++) {
      const resume = { ...(await loop({ maxIterations: 1 }).run('task')).state, base: at('no-such-base') };
      await expect(loop().run('task', { runDirectory: at(`run-${i}`), resume })).rejects.toThrow();
    }
    expect(open()).toBeLessThan(before + 20);
  });

  it('is resumed from the last complete iteration after its process died', async () => {
    const seen: string[] = [];
    const executor = loop({
      maxIterations: 3,
      branches: 1,
      propose: ({ iteration, feedback }) => seen.push(`${iteration} ${feedback}`),
      decide: ({ iteration }) => ({ feedback: `after ${iteration}` }),
    });
    // A copy of the files in the middle of iteration 2 stands for the state after a SIGKILL.
    let copied = false;
    await executor.run('task', {
      runDirectory: at('run'),
      onEvent: ({ type, ...event }) => {
        if (type !== 'proposal' || (event as { iteration?: number }).iteration !== 2) return;
        copied = true;
        for (const name of ['run.json', 'events.jsonl', 'iterations.jsonl']) {
          writeFileSync(at(`crashed-${name}`), readFileSync(at('run', name)));
        }
      },
    });
    expect(copied).toBe(true);
    for (const name of ['run.json', 'events.jsonl', 'iterations.jsonl']) {
      writeFileSync(at('run', name), readFileSync(at(`crashed-${name}`)));
    }
    truncateSync(at('run/events.jsonl'), readFileSync(at('run/events.jsonl')).length - 20);
    const crashed = await readRun<string>(at('run'));
    expect(crashed).toMatchObject({ status: 'unfinished', tornLines: 1 });
    expect(crashed.state).toMatchObject({ nextIteration: 2, feedback: 'after 1' });
    seen.length = 0;
    await executor.run(crashed.task, { resume: crashed.state, runDirectory: at('run') });
    expect(seen).toEqual(['2 after 1', '3 after 2']);
    const whole = await readRun(at('run'));
    expect(whole).toMatchObject({ status: 'exhausted', tornLines: 1 });
    expect(whole.iterations.map(({ iteration }) => iteration)).toEqual([1, 2, 3]);
    expect(whole.events.filter(({ type }) => type === 'run.started')).toHaveLength(2);
  });

  it('is resumed from its beginning when no iteration was complete', async () => {
    await loop().run('task', { runDirectory: at('run'), signal: AbortSignal.abort(new Error('no')) });
    expect((await readRun(at('run'))).state).toMatchObject({ task: 'task', nextIteration: 1, memory: { lessons: [] } });
  });

  it('tolerates a line cut short in each file', async () => {
    await loop({ maxIterations: 1, branches: 1 }).run('task', { runDirectory: at('run') });
    for (const name of ['events', 'iterations']) appendFileSync(at(`run/${name}.jsonl`), '{"iteration":2,"sta');
    expect(await readRun(at('run'))).toMatchObject({ tornLines: 2, state: { nextIteration: 2 } });
  });

  it('has a directory of its own for each task of a controller', async () => {
    const controller = new TaskController(loop({ maxIterations: 1 }), { runsDirectory: at('runs') });
    await Promise.all(['a', 'b'].map((id) => controller.start(id, { id }).result));
    expect((await readRun(at('runs/a'))).task).toBe('a');
    expect((await readRun(at('runs/b'))).task).toBe('b');
  });

  it('is written whole whatever the caller’s values are', async () => {
    const circular: Record<string, unknown> = { big: 1n };
    circular.self = circular;
    const executor = loop({
      maxIterations: 1,
      branches: 1,
      propose: () => circular,
      verify: () => ({ passed: false, reason: 'x'.repeat(200_000) }),
    });
    await executor.run('task', { runDirectory: at('run') });
    const { events, iterations, tornLines } = await readRun(at('run'));
    expect(tornLines).toBe(0);
    expect(iterations).toHaveLength(1);
    expect(events.find(({ type }) => type === 'proposal')).toMatchObject({
      proposal: { big: '1n', self: '[circular]' },
    });
    expect(events.find(({ type }) => type === 'verification')).toMatchObject({ truncated: true, branch: 1 });
  });
});

it('refuses a directory that is no run’s', async () => {
  await expect(readRun(at('nothing'))).rejects.toThrow("is not a run's directory");
});

it.each([
  [undefined, 'null'],
  [() => 1, 'null'],
  [{ a: 1 }, '{"a":1}'],
  [10n, '"10n"'],
])('%s is recorded as %s', (value, json) => {
  expect(toJson(value)).toBe(json);
});
