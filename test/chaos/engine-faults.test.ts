/** Every call that makes or removes a sandbox meets every fault of an engine: an error with a name, and nothing left. */
import { existsSync } from 'node:fs';
import { isClean, RipcordError, SandboxManager } from 'ripcord-sandbox';
import { expect, test } from 'vitest';
import { containersOf, engine, volumesOf } from '../helpers/audit.js';
import { FAULTS, type FaultName, FaultProxy } from '../helpers/chaos/fault-proxy.js';
import { randomFrom, repeats, scaled } from '../helpers/chaos/measure.js';
import { makeTempDir } from '../helpers/fixtures.js';

const CALLS = {
  'looking up the image': /^GET [^?]*\/images\/.*\/json/,
  'creating the container': /^POST [^?]*\/containers\/create/,
  'attaching to it': /^POST [^?]*\/containers\/[^/]+\/attach/,
  'starting it': /^POST [^?]*\/containers\/[^/]+\/start/,
  'removing it': /^DELETE [^?]*\/containers\//,
  'looking whether it is gone': /^GET [^?]*\/containers\/[^/]+\/json/,
  'listing what is left': /^GET [^?]*\/containers\/json/,
  'listing volumes': /^GET [^?]*\/volumes/,
} as const;
type Call = keyof typeof CALLS;

/** An engine that never answers is waited for until a deadline; those runs take long. */
const patient = (fault: FaultName, call: Call) =>
  fault === 'does it and never answers' && !/^(creating|attaching|starting)/.test(call);

const EVERY = (Object.keys(CALLS) as Call[])
  .flatMap((call) => (Object.keys(FAULTS) as FaultName[]).map((fault) => ({ call, fault })))
  .filter(({ call, fault }) => scaled(0, 1) === 1 || !patient(fault, call));
const TIMES = [1, 2, 1000];

async function run(call: Call, fault: FaultName, times: number): Promise<{ hits: number; outcome: string }> {
  const state = await makeTempDir('faults');
  const proxy = await FaultProxy.start();
  const what = `${call}: ${fault} × ${times}`;
  try {
    const manager = await SandboxManager.open({ docker: proxy.endpoint, stateDir: `${state.path}/root`, sweep: false });
    let outcome = 'worked';
    try {
      proxy.arm(CALLS[call], fault, times);
      const sandbox = await manager.create({ createTimeoutMs: 3000 });
      const { stdout } = await sandbox.exec(['echo', 'ok']);
      expect(stdout, what).toBe('ok\n');
      const closing = sandbox.close();
      // A fault that lasts for ever is repaired after two seconds.
      if (times > 100) setTimeout(() => proxy.disarm(), 2000);
      const receipt = await closing;
      // A verified absence must be true, whatever the engine has answered.
      if (receipt.container.verifiedAbsent) expect(await containersOf(manager.instance), what).toEqual([]);
      else expect(receipt.errors, what).not.toEqual([]);
    } catch (error) {
      expect(error, `${what}: ${error}`).toBeInstanceOf(RipcordError);
      outcome = (error as RipcordError).code;
    }
    const { hits } = proxy;
    proxy.disarm();
    const receipt = await manager.close();
    expect(receipt.left, what).toEqual({ containers: 0, volumes: 0, directories: 0 });
    expect(await containersOf(manager.instance), what).toEqual([]);
    expect(await volumesOf(manager.instance), what).toEqual([]);
    expect(existsSync(`${state.path}/root`), what).toBe(false);
    expect(isClean(receipt) || receipt.errors.length > 0).toBe(true);
    return { hits, outcome };
  } finally {
    await proxy.close();
    await state.remove();
  }
}

const ROUNDS = repeats(1, 3);
const SAMPLE = scaled(12, EVERY.length * TIMES.length);

test('without a fault the proxy changes nothing', async () => {
  expect((await run('creating the container', 'takes a second longer', 0)).outcome).toBe('worked');
});

test('a runtime that sets no sizes of socket buffers is asked once, and runs sandboxes without', async () => {
  const proxy = await FaultProxy.start();
  const state = await makeTempDir('sysctls');
  const manager = await SandboxManager.open({ docker: proxy.endpoint, stateDir: `${state.path}/root`, sweep: false });
  try {
    // As runc says it where /proc/sys is read-only.
    const message = 'error during container init: open /proc/sys/net/ipv4/tcp_rmem: read-only file system: unknown';
    proxy.arm(CALLS['starting it'], { status: 500, before: true, message });
    const sysctls = async () => {
      await using sandbox = await manager.create({ image: 'shell' });
      expect((await sandbox.exec('echo ok')).stdout).toBe('ok\n');
      const { body } = await engine<{ HostConfig: object }>('GET', `/containers/ripcord-${sandbox.id}/json`);
      return (body.HostConfig as { Sysctls?: object }).Sysctls;
    };
    expect(await sysctls()).toBeFalsy();
    expect(await sysctls()).toBeFalsy();
    expect(proxy.hits).toBe(1);
  } finally {
    expect(isClean(await manager.close())).toBe(true);
    await proxy.close();
    await state.remove();
  }
});

test(
  `${ROUNDS} × ${SAMPLE} faults of an engine: success or an error with a name, and nothing is left`,
  async () => {
    // The short mode takes the same dozen every time; the long mode takes all faults in any order.
    const seed = Number(process.env.RIPCORD_CHAOS_SEED) || scaled(848_647, Date.now() % 1_000_000);
    console.log(`[chaos] engine faults: seed ${seed}`);
    const random = randomFrom(seed);
    const outcomes = new Map<string, number>();
    let hits = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const cases = EVERY.flatMap((each) => TIMES.map((times) => ({ ...each, times, order: random() })));
      cases.sort((a, b) => a.order - b.order);
      for (const { call, fault, times } of cases.slice(0, SAMPLE)) {
        const found = await run(call, fault, times);
        hits += found.hits;
        outcomes.set(found.outcome, (outcomes.get(found.outcome) ?? 0) + 1);
      }
    }
    expect(hits).toBeGreaterThan(0);
    const counts = [...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', ');
    console.log(`[chaos] engine faults: ${ROUNDS * SAMPLE} runs, ${hits} calls spoilt, 0 left; ${counts}`);
  },
  ROUNDS * SAMPLE * 45_000,
);
