/**
 * An orchestrator that is stopped (SIGSTOP, a suspended laptop, a debugger) still holds its pipes open. The lease is for
 * that: the agent counts the silence and ends its sandbox by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { audit, settled } from '../helpers/chaos/audit.js';
import { processesOfContainers } from '../helpers/chaos/processes.js';
import { scenario } from '../helpers/chaos/scenario.js';

// Each its own expect: of tests side by side the common one forgets which it is in, and cannot poll.
test.concurrent('the sandboxes of an orchestrator frozen for longer than their lease end by themselves, and it sees them lost', ({
  expect,
}) =>
  scenario(async ({ api, start }) => {
    const leaseMs = 2000;
    const orchestrator = await start({ work: ['loop', 'stubborn', 'sleep'], create: { leaseMs } });
    await orchestrator.heard('busy');
    const { subject } = orchestrator;
    const frozenAt = performance.now();
    orchestrator.signal('SIGSTOP');
    await expect
      .poll(async () => (await api.containers(`chaos.token=${subject.token}`)).length, {
        timeout: leaseMs + 5000,
        interval: 50,
      })
      .toBe(0);
    const endedMs = Math.round(performance.now() - frozenAt);
    // The last sign of life was up to a quarter of the lease ago.
    expect(endedMs).toBeGreaterThan(leaseMs * 0.7);
    expect(processesOfContainers(subject.containerIds)).toEqual([]);
    expect((await audit(subject)).watchdogs).toHaveLength(1);

    orchestrator.signal('SIGCONT');
    const lost = await orchestrator.heard('lost', { count: 3, timeoutMs: 10_000 });
    for (const { reason } of lost) expect(reason).toMatch(/no sign of life for the length of the lease/);
    const outcomes = await orchestrator.heard('outcome', { count: 3, timeoutMs: 10_000 });
    expect(outcomes.map(({ outcome, error }) => outcome ?? error?.code)).toEqual(Array(3).fill('sandbox-lost'));
    for (const { hint } of outcomes) expect(hint).toMatch(/no sign of life.*leaseMs/);
    orchestrator.tell('close');
    const [{ receipt }] = await orchestrator.heard('closed');
    expect(receipt).toMatchObject({ left: { containers: 0, volumes: 0, directories: 0 }, errors: [] });
    orchestrator.tell('exit 0');
    await orchestrator.exits();
    await settled(subject);
    console.log(`[chaos] SIGSTOP with a lease of ${leaseMs} ms: sandboxes ended by themselves after ${endedMs} ms`);
  }));

test.concurrent('floods of a frozen orchestrator are dead after the lease, and gone once it runs again', ({ expect }) =>
  scenario(async ({ start }) => {
    const leaseMs = 2000;
    const orchestrator = await start({ work: ['flood', 'unread'], create: { leaseMs } });
    await orchestrator.heard('busy');
    const { subject } = orchestrator;
    orchestrator.signal('SIGSTOP');
    const payload = () => processesOfContainers(subject.containerIds).filter(({ command }) => command === 'yes');
    expect(payload().length).toBe(2);
    await expect.poll(() => payload().length, { timeout: leaseMs + 5000, interval: 50 }).toBe(0);
    orchestrator.signal('SIGCONT');
    await orchestrator.heard('lost', { count: 2, timeoutMs: 10_000 });
    orchestrator.tell('close');
    await orchestrator.heard('closed');
    orchestrator.tell('exit 0');
    await orchestrator.exits();
    await settled(subject);
  }));

test('an orchestrator frozen for less than the lease keeps its sandboxes', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: ['sleep'], create: { leaseMs: 4000 } });
    const [{ sandbox }] = await orchestrator.heard('created');
    await orchestrator.heard('busy');
    orchestrator.signal('SIGSTOP');
    // This tests the freeze itself, which does not send an event.
    await sleep(2000);
    orchestrator.signal('SIGCONT');
    orchestrator.tell(`exec ${sandbox}`);
    const [{ outcome, stdout }] = await orchestrator.heard('executed');
    expect({ outcome, stdout }).toEqual({ outcome: 'exited', stdout: 'it works\n' });
    expect(orchestrator.all('lost')).toEqual([]);
  }));

test.concurrent('a frozen orchestrator that is killed leaves nothing behind', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: ['loop', 'flood', 'stubborn', 'unread'] });
    await orchestrator.heard('busy');
    orchestrator.signal('SIGSTOP');
    const since = performance.now();
    orchestrator.signal('SIGKILL');
    await settled(orchestrator.subject, { since });
  }));
