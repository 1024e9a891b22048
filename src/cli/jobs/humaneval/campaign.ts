/** Judges many problems, several at once. */
import type { SandboxManager } from '../../../sandbox/sandbox-manager.js';
import { type JudgeOptions, judge, type Verdict } from './judge.js';
import type { Problem } from './problems.js';

interface CampaignOptions extends Omit<JudgeOptions, 'signal'> {
  concurrency: number;
  signal: AbortSignal;
  onStart(problem: Problem): void;
  onVerdict(verdict: Verdict): void;
}

/**
 * Judges the problems. Resolves when every problem has its verdict, or when `signal` was aborted and running work has ended.
 * @throws the first error that every other problem would meet, too, after running work was ended.
 */
export async function runCampaign(
  manager: SandboxManager,
  problems: readonly Problem[],
  options: CampaignOptions,
): Promise<void> {
  await inParallel(problems.values(), options.concurrency, options.signal, async (problem, signal) => {
    options.onStart(problem);
    options.onVerdict(await judge(manager, problem, { ...options, signal }));
  });
}

/** Calls `work` with every item, `atOnce` at a time. The first error aborts the others and is thrown when they have ended. */
export async function inParallel<T>(
  queue: IterableIterator<T>,
  atOnce: number,
  outside: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([outside, stop.signal]);
  const worker = async () => {
    for (const item of queue) {
      if (signal.aborted) return;
      await work(item, signal);
    }
  };
  const workers = Array.from({ length: atOnce }, () =>
    worker().catch((error) => {
      stop.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(workers);
  if (outside.aborted) return;
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw stop.signal.reason;
}
