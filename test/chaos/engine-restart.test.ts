/**
 * The engine dies under a running manager, politely or not, and comes back. In an engine of the test's own: the one the
 * other tests run on is not touched.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audit, isClean, type Settled, settled } from '../helpers/chaos/audit.js';
import { randomFrom, repeats, report } from '../helpers/chaos/measure.js';
import type { Said } from '../helpers/chaos/orchestrator.js';
import { canRunPrivateEngine, PrivateEngine, withPrivateEngine } from '../helpers/chaos/private-engine.js';
import { scenario } from '../helpers/chaos/scenario.js';

const IMAGE = 'ripcord/base:latest';
/** How a command may end whose engine died: with the pipe, and then it depends on whether the engine still answers. */
const LOST = ['sandbox-lost', 'engine-lost'];
/** How a create may: an engine that is shutting down still answers, with an error of its own. */
const NO_ENGINE = [
  'engine-unreachable',
  'engine-lost',
  'engine-not-found',
  'sandbox-lost',
  'create-failed',
  'engine-error',
];

const endOf = (said: Said): string | undefined => said.outcome ?? said.error?.code;

describe.skipIf(!canRunPrivateEngine)('an engine that goes away', () => {
  let engine: PrivateEngine;

  beforeAll(async () => {
    engine = await PrivateEngine.start();
    await engine.load([IMAGE]);
  });

  afterAll(() => engine?.destroy());

  // After a test that failed while it was away.
  beforeEach(async () => {
    if (!(await engine.api.answers())) await engine.start();
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s: commands end as lost, creates fail by name, and all works again after its return, with nothing left',
    (signal) =>
      scenario(async ({ start }) => {
        const orchestrator = await start({ docker: engine.endpoint, work: ['loop', 'sleep', 'flood'] });
        await orchestrator.heard('busy');
        const { subject } = orchestrator;
        // One is under way when it happens.
        orchestrator.tell('create');
        await orchestrator.heard('order');
        const stoppedAt = performance.now();
        await engine.stop(signal);
        subject.engineStopped = true;
        const outcomes = await orchestrator.heard('outcome', { count: 3, timeoutMs: 30_000 });
        for (const said of outcomes) {
          expect(LOST).toContain(endOf(said));
          expect(said.hint).toMatch(/restart|shutdown/);
        }
        const lostMs = Math.round(performance.now() - stoppedAt);
        orchestrator.tell('create');
        const failures = await orchestrator.heard('create-failed', { timeoutMs: 60_000 });
        for (const { error } of failures) expect(NO_ENGINE).toContain(error?.code);

        await engine.start();
        const before = orchestrator.all('create-works').length;
        orchestrator.tell('create');
        const works = await orchestrator.heard('create-works', { count: before + 1, timeoutMs: 60_000 });
        expect(works.at(-1)?.stdout).toBe('it works\n');
        orchestrator.tell('close');
        const [closed] = await orchestrator.heard('closed', { timeoutMs: 60_000 });
        expect(closed.receipt?.left).toEqual({ containers: 0, volumes: 0, directories: 0 });
        orchestrator.tell('exit 0');
        await orchestrator.exits();
        // An engine that ends while it starts a container may keep the pipe of its agent open without a host: such an agent ends
        // by itself when no HELLO comes within 60 s (docs/internals/protocol.md).
        await settled(subject, { withinMs: 75_000 });
        expect(isClean(await audit(subject))).toBe(true);
        console.log(`[chaos] engine ${signal}: commands ended as lost after ${lostMs} ms, close took ${closed.ms} ms`);
      }, engine.api),
  );

  test('while it is away, close() is bounded and says what it could not verify; the watchdog finishes the work', () =>
    scenario(async ({ start }) => {
      const orchestrator = await start({ docker: engine.endpoint, work: ['loop', 'sleep'] });
      await orchestrator.heard('busy');
      const { subject } = orchestrator;
      await engine.stop('SIGKILL');
      orchestrator.tell('close');
      const [closed] = await orchestrator.heard('closed', { timeoutMs: 75_000 });
      expect(closed.receipt?.errors).not.toEqual([]);
      orchestrator.tell('exit 0');
      await orchestrator.exits();
      expect(orchestrator.watchdogs).toHaveLength(1);
      await engine.start();
      await settled(subject);
      console.log(`[chaos] close() without an engine took ${closed.ms} ms`);
    }, engine.api));

  test('when it and the orchestrator are killed, nothing is left 5 s after the engine is back', () =>
    scenario(async ({ start }) => {
      const orchestrator = await start({ docker: engine.endpoint, work: ['loop', 'stubborn', 'flood', 'sleep'] });
      await orchestrator.heard('busy');
      await engine.stop('SIGKILL');
      orchestrator.signal('SIGKILL');
      await orchestrator.exits();
      await engine.start();
      const since = performance.now();
      report('engine and orchestrator killed, since the return', [await settled(orchestrator.subject, { since })]);
    }, engine.api));
});

describe.skipIf(!canRunPrivateEngine)('an engine that has never seen Ripcord', () => {
  const KILLS = repeats(2, 30);
  const SEED = Number(process.env.RIPCORD_CHAOS_SEED) || Date.now() % 1_000_000;

  test(
    'an orchestrator killed while it brings the agent there does not keep the next one from working, and nothing is left',
    () =>
      withPrivateEngine(async (engine) => {
        await engine.load([IMAGE]);
        console.log(`[chaos] kills during the first open: seed ${SEED}`);
        const random = randomFrom(SEED);
        const runs: Settled[] = [];
        for (let run = 0; run < KILLS; run++) {
          await scenario(async ({ api, start }) => {
            const first = await start({ docker: engine.endpoint });
            await first.heard('begun');
            await new Promise((resolve) => setTimeout(resolve, random() * 500));
            first.signal('SIGKILL');
            await first.exits();
            const since = performance.now();
            const second = await start({ docker: engine.endpoint, work: ['sleep'] });
            await second.heard('busy', { timeoutMs: 20_000 });
            const worksMs = performance.now() - since;
            second.tell('close');
            await second.heard('closed');
            second.tell('sweep');
            await second.heard('swept-now');
            second.tell('exit 0');
            await second.exits();
            await settled(first.subject);
            await settled(second.subject);
            const everything = await api.json<{ Names: string[] }[]>('GET', '/containers/json?all=1');
            expect(everything.flatMap(({ Names }) => Names)).toEqual([]);
            const images = await api.json<{ RepoTags: string[] | null }[]>('GET', '/images/json?all=1');
            expect(images.flatMap(({ RepoTags }) => RepoTags ?? [])).toEqual([IMAGE]);
            runs.push({ cleanMs: worksMs, watchdogMs: worksMs });
            const { Volumes } = await api.json<{ Volumes: { Name: string }[] | null }>('GET', '/volumes');
            for (const { Name } of Volumes ?? []) await api.json('DELETE', `/volumes/${Name}`);
          }, engine.api);
        }
        report('killed during the first open, until the next works', runs);
      }),
    60_000 + KILLS * 40_000,
  );
});
