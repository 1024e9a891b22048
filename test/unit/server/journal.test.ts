/** Events for readers that come back, some of them from another server. */
import { describe, expect, it } from 'vitest';
import { Journal } from '../../../src/server/journal.js';

async function take(journal: Journal, after: number, count: number): Promise<unknown[]> {
  const gone = new AbortController();
  const taken: unknown[] = [];
  for await (const entry of journal.read(after, gone.signal)) if (taken.push(entry) === count) break;
  return taken;
}

describe('an event that is not JSON', () => {
  it('is kept as what it resembles', async () => {
    const journal = new Journal(1000);
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    journal.append({ v: 1n });
    journal.append(cycle);
    expect(await take(journal, 0, 2)).toMatchObject([{ json: '{"v":"1n"}' }, { json: '{"self":"[circular]"}' }]);
  });
});

describe('a reader with an id of a server before this one', () => {
  it('gets all that is kept, after a gap', async () => {
    const journal = new Journal(1000);
    for (let n = 1; n <= 3; n++) journal.append({ n });
    expect(journal.resumeAt(100)).toBe(0);
    expect(await take(journal, 100, 4)).toMatchObject([
      { gap: { from: 1, to: 0 } },
      { id: 1, json: '{"n":1}' },
      { id: 2 },
      { id: 3 },
    ]);
  });

  it('hears which are gone', async () => {
    const journal = new Journal(20);
    for (let n = 1; n <= 5; n++) journal.append({ n });
    const [gap, first] = (await take(journal, 100, 2)) as [{ gap: { to: number } }, { id: number }];
    expect(gap.gap).toEqual({ from: 1, to: first.id - 1 });
    expect(first.id).toBeGreaterThan(1);
  });

  it('misses nothing when the ids catch up before it reads', async () => {
    const journal = new Journal(1000);
    const reading = journal.read(2, new AbortController().signal);
    for (let n = 1; n <= 3; n++) journal.append({ n });
    expect((await reading.next()).value).toEqual({ gap: { from: 1, to: 0 } });
    expect((await reading.next()).value).toMatchObject({ id: 1 });
  });
});

it('a reader that has seen all there is waits for what comes', async () => {
  const journal = new Journal(1000);
  const id = journal.append({ n: 1 });
  const next = take(journal, id, 1);
  journal.append({ n: 2 });
  expect(await next).toMatchObject([{ id: 2, json: '{"n":2}' }]);
});
