/** What the jobs on HumanEval have in common on the command line. */
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { parseCount, parseDuration } from '../parse.js';

export interface JobFlags {
  concurrency: number;
  limit?: number;
  image: string;
  timeout: number;
  json?: boolean;
}

/**
 * Making and removing containers is bound by CPU, and part of it is waiting: measured on 2 cores, more than three
 * for each core gain nothing and only make every single one slower.
 */
const PER_CORE = 3;
const MAX_CONCURRENCY = 32;

const defaultConcurrency = (): number => Math.min(MAX_CONCURRENCY, Math.max(2, availableParallelism() * PER_CORE));

/** @param timed What the time limit is for, in words. */
export function addJobOptions(command: Command, timed: string, defaultTimeoutMs: number): Command {
  return command
    .option('-n, --concurrency <count>', 'sandboxes at once', parseCount, defaultConcurrency())
    .option('--limit <count>', 'only the first problems', parseCount)
    .option('--image <name>', 'an image with python3', 'python')
    .addOption(
      new Option('-t, --timeout <time>', `for ${timed}: 500ms, 10s …`)
        .argParser(parseDuration)
        .default(defaultTimeoutMs, `${defaultTimeoutMs / 1000}s`),
    );
}
