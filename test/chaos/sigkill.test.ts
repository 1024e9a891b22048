/**
 * The promise of Ripcord: an orchestrator that is killed by SIGKILL, with its hands full, leaves nothing behind. Layers 3
 * (the pipe's end) and 4 (the watchdog) have to keep it; the later tests take one of them away in turn.
 *
 * RIPCORD_CHAOS_REPEATS sets how often the first test repeats (2; with RIPCORD_LONG=1, 20).
 */
import { expect, test } from 'vitest';
import { audit, isClean, type Settled, settled } from '../helpers/chaos/audit.js';
import { repeats, report } from '../helpers/chaos/measure.js';
import type { Work } from '../helpers/chaos/orchestrator.js';
import { signalTo } from '../helpers/chaos/processes.js';
import { scenario } from '../helpers/chaos/scenario.js';

const BUSY: Work[] = ['loop', 'flood', 'stubborn', 'sleep', 'spill', 'disk', 'unread', 'stdin'];
const RUNS = repeats(1, 20);

test(
  'an orchestrator killed with 20 busy sandboxes leaves no container, volume, directory or process after 5 s',
  () =>
    scenario(async ({ start }) => {
      const runs: Settled[] = [];
      try {
        for (let run = 0; run < RUNS; run++) {
          const orchestrator = await start({ sandboxes: 20, work: BUSY });
          await orchestrator.heard('busy');
          const before = await audit(orchestrator.subject);
          expect(before.containers).toHaveLength(20);
          expect(before.directories.length).toBeGreaterThan(20);
          expect(before.processes.length).toBeGreaterThan(20);
          expect(before.watchdogs).toHaveLength(1);

          const since = performance.now();
          orchestrator.signal('SIGKILL');
          runs.push(await settled(orchestrator.subject, { since }));
          expect(await orchestrator.exits()).toEqual({ code: null, signal: 'SIGKILL' });
          expect(orchestrator.subject.containerIds.size).toBe(20);
        }
      } finally {
        report('SIGKILL with 20 busy sandboxes', runs);
      }
    }),
  RUNS * 60_000,
);

test('a SIGKILL to the whole process group misses the watchdog, and nothing is left', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: ['loop', 'flood', 'stubborn', 'sleep'] });
    await orchestrator.heard('busy');
    const since = performance.now();
    orchestrator.signalGroup('SIGKILL');
    await orchestrator.exits();
    expect(orchestrator.watchdogs).toHaveLength(1);
    report('SIGKILL to the process group', [await settled(orchestrator.subject, { since })]);
  }));

test('an orchestrator whose watchdog was killed still closes cleanly', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: ['loop', 'stubborn'] });
    await orchestrator.heard('busy');
    const [watchdog] = orchestrator.watchdogs;
    signalTo(watchdog!, 'SIGKILL');
    orchestrator.tell('close');
    const [{ receipt }] = await orchestrator.heard('closed');
    expect(receipt).toMatchObject({ left: { containers: 0, volumes: 0, directories: 0 }, errors: [] });
    const found = await audit(orchestrator.subject);
    expect({ ...found, processes: [] }).toMatchObject({ containers: [], directories: [], watchdogs: [] });
  }));

test('without its watchdog, too, the sandboxes of a killed orchestrator end by themselves, and the next open removes the rest', () =>
  scenario(async ({ api, start, token }) => {
    const orchestrator = await start({ work: ['loop', 'flood', 'stubborn', 'sleep'] });
    await orchestrator.heard('busy');
    const { subject } = orchestrator;
    // Only a watchdog or a sweep removes a container that was created and never started.
    const [sandbox] = await api.containers(`ripcord.instance=${subject.instance}`);
    const mark = token();
    const created = await api.createContainer(`ripcord-chaos-${mark}`, 'ripcord/base', {
      ...sandbox!.Labels,
      'chaos.token': mark,
    });
    const [watchdog] = orchestrator.watchdogs;

    const since = performance.now();
    signalTo(watchdog!, 'SIGKILL');
    orchestrator.signal('SIGKILL');
    await orchestrator.exits();
    await expect
      .poll(async () => (await api.containers(`chaos.token=${subject.token}`)).length, { timeout: 5000, interval: 50 })
      .toBe(0);
    const endedMs = Math.round(performance.now() - since);
    const found = await audit(subject);
    expect(found.watchdogs).toEqual([]);
    expect(found.directories).not.toEqual([]);

    const next = await start({}, subject.tempDir);
    await next.heard('swept');
    expect(await api.exists(created)).toBe(false);
    next.tell('close');
    await next.heard('closed');
    next.tell('exit 0');
    await next.exits();
    expect(isClean(await audit(subject))).toBe(true);
    console.log(`[chaos] SIGKILL of orchestrator and watchdog: sandboxes ended by themselves after ${endedMs} ms`);
  }));

test('a paused sandbox of a killed orchestrator is removed', () =>
  scenario(async ({ api, start }) => {
    const orchestrator = await start({ work: ['loop', 'sleep'] });
    await orchestrator.heard('busy');
    const { subject } = orchestrator;
    for (const { Id } of await api.containers(`ripcord.instance=${subject.instance}`)) {
      await api.json('POST', `/containers/${Id}/pause`);
    }
    expect((await audit(subject)).containers.join()).toMatch(/paused.*paused/);
    const since = performance.now();
    orchestrator.signal('SIGKILL');
    report('SIGKILL with paused sandboxes', [await settled(subject, { since })]);
  }));

test('a paused sandbox of a killed orchestrator and watchdog is removed by the next open', () =>
  scenario(async ({ api, start }) => {
    const orchestrator = await start({ work: ['loop'] });
    await orchestrator.heard('busy');
    const { subject } = orchestrator;
    const [sandbox] = await api.containers(`ripcord.instance=${subject.instance}`);
    await api.json('POST', `/containers/${sandbox!.Id}/pause`);
    for (const pid of orchestrator.watchdogs) signalTo(pid, 'SIGKILL');
    orchestrator.signal('SIGKILL');
    await orchestrator.exits();

    const next = await start({}, subject.tempDir);
    await next.heard('swept');
    expect(await api.exists(sandbox!.Id)).toBe(false);
    next.tell('close');
    await next.heard('closed');
    next.tell('exit 0');
    await next.exits();
    await settled(subject);
  }));
