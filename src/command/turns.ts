/** Limits how many commands of `exec` and `runCode` run in one sandbox at once. The others wait. */
import { Semaphore } from '../base/semaphore.js';

/** Share of `limits.pids` for one command. The limit counts threads: Node 24 has 11, and each command has a keeper. */
const PROCESSES_EACH = 16;
/**
 * Minimum number of turns. In a small sandbox each command has at least a keeper and one process, beside the agent and
 * one file operation.
 */
const LEAST = 4;
const SMALLEST = 2;

export function commandTurns(pids: number): Semaphore {
  const least = Math.min(LEAST, Math.floor(pids / SMALLEST) - SMALLEST);
  return new Semaphore(Math.max(least, Math.floor(pids / PROCESSES_EACH)));
}
