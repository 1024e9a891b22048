/** The pipe of one sandbox breaks while the engine, the orchestrator and its other sandboxes are well. */
import { expect, test } from 'vitest';
import { audit, settled } from '../helpers/chaos/audit.js';
import { PipeProxy } from '../helpers/chaos/pipe-proxy.js';
import { processesOfContainers } from '../helpers/chaos/processes.js';
import { scenario } from '../helpers/chaos/scenario.js';

test.concurrent('a sandbox whose pipe is cut is lost and removed; its neighbour works on', () =>
  scenario(async ({ api, defer, start }) => {
    const proxy = await PipeProxy.start();
    defer(() => proxy.close());
    const orchestrator = await start({ docker: proxy.endpoint, work: ['stubborn'], sandboxes: 2 });
    await orchestrator.heard('busy');
    const { subject } = orchestrator;
    expect(proxy.attached).toHaveLength(2);
    proxy.cut(proxy.attached[0]!);
    const cutAt = performance.now();

    const [{ sandbox: lost }] = await orchestrator.heard('lost', { timeoutMs: 5000 });
    const [outcome] = await orchestrator.heard('outcome', { timeoutMs: 5000 });
    expect(outcome).toMatchObject({ sandbox: lost, outcome: 'sandbox-lost' });
    await orchestrator.heard('sandbox-closed', { timeoutMs: 5000 });
    expect(await api.containers(`ripcord.sandbox=${lost}`)).toEqual([]);
    const goneMs = Math.round(performance.now() - cutAt);

    const other = orchestrator.all('created').find(({ sandbox }) => sandbox !== lost)!.sandbox;
    orchestrator.tell(`exec ${other}`);
    expect((await orchestrator.heard('executed'))[0]).toMatchObject({ outcome: 'exited', stdout: 'it works\n' });
    expect((await audit(subject)).containers).toHaveLength(1);
    orchestrator.tell('close');
    const [{ receipt }] = await orchestrator.heard('closed');
    expect(receipt).toMatchObject({ left: { containers: 0 }, errors: [] });
    orchestrator.tell('exit 0');
    await orchestrator.exits();
    await settled(subject);
    console.log(`[chaos] pipe cut: sandbox removed after ${goneMs} ms`);
  }));

// Its own expect: of tests side by side the common one forgets which it is in, and cannot poll.
test.concurrent('a sandbox whose pipe is dead but open ends with its lease, and is lost to its owner soon after', ({
  expect,
}) =>
  scenario(async ({ api, defer, start }) => {
    const proxy = await PipeProxy.start();
    defer(() => proxy.close());
    const leaseMs = 2000;
    const orchestrator = await start({ docker: proxy.endpoint, work: ['sleep'], create: { leaseMs } });
    await orchestrator.heard('busy');
    const { subject } = orchestrator;
    proxy.stall(proxy.attached[0]!);
    await expect
      .poll(() => processesOfContainers(subject.containerIds).filter(({ command }) => command.startsWith('sleep')), {
        timeout: leaseMs + 3000,
      })
      .toEqual([]);
    const [outcome] = await orchestrator.heard('outcome', { timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ outcome: 'sandbox-lost' });
    await orchestrator.heard('sandbox-closed', { timeoutMs: 5000 });
    expect(await api.containers(`chaos.token=${subject.token}`)).toEqual([]);
    orchestrator.tell('close');
    await orchestrator.heard('closed');
    orchestrator.tell('exit 0');
    await orchestrator.exits();
    await settled(subject);
  }));

test.concurrent('a container killed behind its owner is a lost sandbox', () =>
  scenario(async ({ api, start }) => {
    const orchestrator = await start({ work: ['loop'] });
    await orchestrator.heard('busy');
    const { subject } = orchestrator;
    const [container] = await api.containers(`chaos.token=${subject.token}`);
    await api.json('POST', `/containers/${container!.Id}/kill`);
    const [outcome] = await orchestrator.heard('outcome', { timeoutMs: 5000 });
    expect(outcome).toMatchObject({ outcome: 'sandbox-lost', hint: expect.stringContaining('from outside') });
    await orchestrator.heard('sandbox-closed', { timeoutMs: 5000 });
    orchestrator.tell('exit 0');
    await orchestrator.exits();
    await settled(subject);
  }));
