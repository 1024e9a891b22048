/** An owner that ends while its pool stands, is refilled and takes sandboxes back: nothing of it is left. */
import { expect, test } from 'vitest';
import { audit, settled } from '../helpers/chaos/audit.js';
import { report } from '../helpers/chaos/measure.js';
import { scenario } from '../helpers/chaos/scenario.js';

for (const [signal, code] of [
  ['SIGKILL', null],
  ['SIGINT', null],
] as const) {
  test(`${signal} with a pool that stands, is refilled and is given back to: nothing left after 5 s`, () =>
    scenario(async ({ start }) => {
      const pool = { keep: [{ size: 3 }], concurrency: 2 };
      // Every other one has a seed; all are of one domain.
      const orchestrator = await start({ pool, churn: 2, create: { reuse: true } });
      await orchestrator.heard('opened');
      const before = await audit(orchestrator.subject);
      expect(before.containers.length).toBeGreaterThanOrEqual(3);
      expect(before.watchdogs).toHaveLength(1);
      await orchestrator.heard('closed-one', { count: 6 });

      const since = performance.now();
      orchestrator.signal(signal);
      expect(await orchestrator.exits()).toEqual({ code, signal });
      report(`${signal} with a pool`, [await settled(orchestrator.subject, { since })]);
      // Reused: fewer containers than sandboxes.
      const recycled = orchestrator.all('sandbox-closed').filter((said) => said.receipt?.reuse?.recycled);
      expect(recycled.length).toBeGreaterThan(0);
    }));
}

test('a process that has nothing left to do ends, although its pool stands', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ pool: [{ size: 2 }], work: ['idle'] });
    await orchestrator.heard('busy');
    const since = performance.now();
    orchestrator.tell('finish 3');
    expect(await orchestrator.exits()).toEqual({ code: 3, signal: null });
    report('the end of the event loop with a pool', [await settled(orchestrator.subject, { since })]);
  }));
