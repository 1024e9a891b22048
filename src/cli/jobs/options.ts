/** Options that the HumanEval jobs share. */
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
 * Number of sandboxes for each core. Creating and removing containers is bound by the CPU, and part of it is waiting:
 * measured on 2 cores, more than three for each core gain nothing and only make every single one slower.
 */
const PER_CORE = 3;
const MAX_CONCURRENCY = 32;

const defaultConcurrency = (): number => Math.min(MAX_CONCURRENCY, Math.max(2, availableParallelism() * PER_CORE));

/**
 * Adds the options to a command.
 * @param timed Name of the work that the time limit is for.
 */
export function addJobOptions(command: Command, timed: string, defaultTimeoutMs: number): Command {
  return command
    .option('-n, --concurrency <count>', 'number of sandboxes at once', parseCount, defaultConcurrency())
    .option('--limit <count>', 'run only the first N problems', parseCount)
    .option('--image <name>', 'image with python3', 'python')
    .addOption(
      new Option('-t, --timeout <time>', `time limit for ${timed}: 500ms, 10s …`)
        .argParser(parseDuration)
        .default(defaultTimeoutMs, `${defaultTimeoutMs / 1000}s`),
    );
}
