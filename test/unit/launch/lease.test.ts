import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LeaseKeeper } from '../../../src/launch/lease.js';

const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };

/** Something under a lease, which answers its heartbeats unless told otherwise. */
function leased(leaseMs: number, answer: () => Promise<void> = () => Promise.resolve()) {
  return { id: `lease-${leaseMs}`, leaseMs, heartbeat: vi.fn(answer), lost: vi.fn() };
}

const never = () => new Promise<void>(() => {});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** The clock goes on and no timer fires: what standing still looks like from inside. */
async function standStill(ms: number): Promise<void> {
  const timers = vi.getTimerCount();
  vi.setSystemTime(Date.now() + ms);
  const real = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => real() + ms);
  expect(vi.getTimerCount()).toBe(timers);
}

describe('LeaseKeeper', () => {
  let keeper: LeaseKeeper;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] });
    vi.clearAllMocks();
    keeper = new LeaseKeeper(logger);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it('beats four times in a lease', async () => {
    const one = leased(60_000);
    keeper.add(one);
    await pass(60_000);
    expect(one.heartbeat).toHaveBeenCalledTimes(4);
    expect(logger.warn).not.toHaveBeenCalled();
  });

  it('beats each lease at its own pace, with one timer', async () => {
    const [short, long] = [leased(2000), leased(40_000)];
    keeper.add(long);
    keeper.add(short);
    expect(vi.getTimerCount()).toBe(1);
    await pass(40_000);
    expect(short.heartbeat).toHaveBeenCalledTimes(80);
    expect(long.heartbeat.mock.calls.length).toBeGreaterThanOrEqual(3);
    expect(long.heartbeat.mock.calls.length).toBeLessThanOrEqual(5);
  });

  it('beats a short lease that joins a slow timer in time', async () => {
    keeper.add(leased(400_000));
    await pass(1000);
    const short = leased(1000);
    keeper.add(short);
    await pass(900);
    expect(short.heartbeat.mock.calls.length).toBeGreaterThanOrEqual(3);
  });

  it('spreads the heartbeats of many, each at its pace all the same', async () => {
    let atOnce = 0;
    let most = 0;
    const many = Array.from({ length: 1000 }, () =>
      leased(60_000, () => {
        most = Math.max(most, ++atOnce);
        return Promise.resolve();
      }),
    );
    for (const one of many) keeper.add(one);
    const timer = vi.getTimerCount();
    for (let ms = 0; ms < 120_000; ms += 900) {
      atOnce = 0;
      await pass(900);
    }
    expect(timer).toBe(1);
    expect(most).toBeLessThanOrEqual(150);
    const beats = many.map(({ heartbeat }) => heartbeat.mock.calls.length);
    expect(Math.min(...beats)).toBeGreaterThanOrEqual(7);
    expect(Math.max(...beats)).toBeLessThanOrEqual(9);
  });

  it('leaves no timer, and beats nobody, when all are gone', async () => {
    const one = leased(1000);
    keeper.add(one);
    keeper.delete(one);
    expect(vi.getTimerCount()).toBe(0);
    await pass(10_000);
    expect(one.heartbeat).not.toHaveBeenCalled();
  });

  it('keeps beating the rest when one is gone', async () => {
    const [gone, rest] = [leased(1000), leased(1000)];
    keeper.add(gone);
    keeper.add(rest);
    keeper.delete(gone);
    await pass(1000);
    expect(gone.heartbeat).not.toHaveBeenCalled();
    expect(rest.heartbeat).toHaveBeenCalledTimes(4);
  });

  it('gives one up that does not answer, once, and long after its own end', async () => {
    const [silent, answering] = [leased(60_000, never), leased(60_000)];
    keeper.add(silent);
    keeper.add(answering);
    await pass(60_000);
    expect(silent.lost).not.toHaveBeenCalled();
    await pass(120_000);
    expect(silent.lost).toHaveBeenCalledTimes(1);
    expect(silent.lost.mock.calls[0]![0]).toBeGreaterThan(60_000);
    const beats = silent.heartbeat.mock.calls.length;
    await pass(120_000);
    expect(silent.heartbeat).toHaveBeenCalledTimes(beats);
    expect(silent.lost).toHaveBeenCalledTimes(1);
    expect(answering.lost).not.toHaveBeenCalled();
  });

  it('has seconds of patience with the shortest lease', async () => {
    const silent = leased(1000, never);
    keeper.add(silent);
    await pass(4500);
    expect(silent.lost).not.toHaveBeenCalled();
    await pass(2000);
    expect(silent.lost).toHaveBeenCalledTimes(1);
  });

  it('gives nobody up whose pipe says by itself that it has ended', async () => {
    const ended = leased(1000, () => Promise.reject(new Error('the pipe ended')));
    keeper.add(ended);
    await pass(1000);
    keeper.delete(ended);
    await pass(60_000);
    expect(ended.lost).not.toHaveBeenCalled();
  });

  it('warns when the event loop was blocked for half a lease, and beats at once then', async () => {
    const one = leased(10_000);
    keeper.add(one);
    await standStill(8000);
    vi.advanceTimersToNextTimer();
    expect(one.heartbeat).toHaveBeenCalledTimes(1);
    expect(logger.warn).toHaveBeenCalledTimes(1);
    expect(logger.warn.mock.calls[0]![0]).toMatchObject({ sandbox: 'lease-10000', leaseMs: 10_000 });
  });

  it('does not take its own standing still for the silence of others', async () => {
    const one = leased(10_000, never);
    keeper.add(one);
    await standStill(10 * 60_000);
    vi.advanceTimersToNextTimer();
    expect(one.heartbeat).toHaveBeenCalledTimes(1);
    expect(one.lost).not.toHaveBeenCalled();
  });
});
