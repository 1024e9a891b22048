import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { abortable, deferred, onAbort, throwIfAborted, within } from '../../../src/base/abort.js';
import { TaskAbortedError } from '../../../src/base/errors.js';

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;
const reason = new Error('stop');

describe('throwIfAborted', () => {
  it('names the step that has not begun and keeps the reason', () => {
    expect(() => throwIfAborted(undefined, 'x')).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal, 'x')).not.toThrow();
    const attempt = () => throwIfAborted(AbortSignal.abort(reason), 'writing a file');
    expect(attempt).toThrow(TaskAbortedError);
    expect(attempt).toThrow('Aborted before writing a file');
    try {
      attempt();
    } catch (error) {
      expect(error).toMatchObject({ name: 'TaskAbortedError', code: 'aborted', cause: reason });
    }
  });
});

describe('onAbort', () => {
  it('calls once, when the signal fires', () => {
    const abort = new AbortController();
    const listener = vi.fn();
    onAbort(abort.signal, listener);
    expect(listener).not.toHaveBeenCalled();
    abort.abort();
    abort.abort();
    expect(listener).toHaveBeenCalledTimes(1);
    expect(listeners(abort.signal)).toBe(0);
  });

  it('calls at once when it has fired, and leaves no listener', () => {
    const signal = AbortSignal.abort();
    const listener = vi.fn();
    onAbort(signal, listener)();
    expect(listener).toHaveBeenCalledTimes(1);
    expect(listeners(signal)).toBe(0);
  });

  it('takes its listener off when asked to', () => {
    const abort = new AbortController();
    const listener = vi.fn();
    const remove = onAbort(abort.signal, listener);
    expect(listeners(abort.signal)).toBe(1);
    remove();
    remove();
    expect(listeners(abort.signal)).toBe(0);
    abort.abort();
    expect(listener).not.toHaveBeenCalled();
  });

  it('has nothing to do without a signal', () => {
    expect(() => onAbort(undefined, () => expect.unreachable())()).not.toThrow();
  });
});

describe('abortable', () => {
  it.each(['resolve', 'reject', 'abort'] as const)('leaves no listener after: %s', async (end) => {
    const abort = new AbortController();
    const work = deferred<number>();
    const waiting = abortable(work.promise, abort.signal, 'a step');
    expect(listeners(abort.signal)).toBe(1);
    if (end === 'resolve') work.resolve(5);
    else if (end === 'reject') work.reject(new Error('failed'));
    else abort.abort(reason);
    const [result] = await Promise.allSettled([waiting]);
    if (end === 'resolve') expect(result).toEqual({ status: 'fulfilled', value: 5 });
    else if (end === 'reject') expect(result).toMatchObject({ reason: { message: 'failed' } });
    else expect(result).toMatchObject({ reason: { name: 'TaskAbortedError', cause: reason } });
    expect(listeners(abort.signal)).toBe(0);
  });

  it('rejects at once when the signal has fired, whatever the work does', async () => {
    const waiting = abortable(new Promise(() => {}), AbortSignal.abort(reason), 'a step');
    await expect(waiting).rejects.toMatchObject({ message: 'Aborted during a step', cause: reason });
  });
});

describe('within', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('gives the value that comes in time, and leaves no timer', async () => {
    expect(await within(Promise.resolve('value'), 1000)).toBe('value');
    expect(vi.getTimerCount()).toBe(0);
    await expect(within(Promise.reject(new Error('failed')), 1000)).rejects.toThrow('failed');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives undefined when the time is over', async () => {
    const late = within(new Promise(() => {}), 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await late).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('deferred silences a rejection nobody waits for', async () => {
  const seen: unknown[] = [];
  const onUnhandled = (error: unknown) => seen.push(error);
  process.on('unhandledRejection', onUnhandled);
  deferred().reject(new Error('nobody waits'));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', onUnhandled);
  expect(seen).toEqual([]);
});
