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
 * Resolves when every problem has its verdict, or when `signal` fired and what ran has ended.
 * @throws the first error that makes going on pointless; what runs is ended first.
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

/** `work` on every item, so many at once; the first error ends what runs, and is thrown when it has ended. */
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
