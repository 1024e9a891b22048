/** Returns the outcome of a command as a word and a tone. */
import { isTerminal } from './command-text.js';
import type { Tone } from './tone.js';

export interface Ended {
  argv?: readonly string[];
  /** Time of its end; undefined if the command still runs. */
  endedAt?: number;
  outcome?: string;
  exitCode?: number | null;
  signal?: string | null;
}

export function commandEnd({ argv, endedAt, outcome, exitCode, signal }: Ended): { text: string; tone: Tone } {
  // Most terminals end because the user leaves the page, and a shell exits with the status of its last command. Neither is a failure.
  if (argv && isTerminal(argv)) return endedAt === undefined ? { text: 'open', tone: 'busy' } : CLOSED;
  if (endedAt === undefined) return { text: 'running', tone: 'busy' };
  if (outcome === 'exited') return { text: `exit ${exitCode}`, tone: exitCode === 0 ? 'good' : 'bad' };
  return { text: signal ?? outcome ?? 'ended', tone: outcome === 'aborted' ? 'warn' : 'bad' };
}

const CLOSED = { text: 'closed', tone: 'calm' } as const;
