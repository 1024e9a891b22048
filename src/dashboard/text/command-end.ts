/** How a command ended, in a word and a tone. */
import { isTerminal } from './command-text.js';
import type { Tone } from './tone.js';

export interface Ended {
  argv?: readonly string[];
  /** `undefined`: it still runs. */
  endedAt?: number;
  outcome?: string;
  exitCode?: number | null;
  signal?: string | null;
}

export function commandEnd({ argv, endedAt, outcome, exitCode, signal }: Ended): { text: string; tone: Tone } {
  // Most terminals end because their page is left, and a shell exits with the status of its last command: neither is a failure.
  if (argv && isTerminal(argv)) return endedAt === undefined ? { text: 'open', tone: 'busy' } : CLOSED;
  if (endedAt === undefined) return { text: 'running', tone: 'busy' };
  if (outcome === 'exited') return { text: `exit ${exitCode}`, tone: exitCode === 0 ? 'good' : 'bad' };
  return { text: signal ?? outcome ?? 'ended', tone: outcome === 'aborted' ? 'warn' : 'bad' };
}

const CLOSED = { text: 'closed', tone: 'calm' } as const;
