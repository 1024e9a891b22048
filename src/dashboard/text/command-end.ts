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
  // Leaving its page is how most terminals end, and no failure; nor is the exit of what was run last in one.
  if (argv && isTerminal(argv)) return endedAt === undefined ? { text: 'open', tone: 'busy' } : CLOSED;
  if (endedAt === undefined) return { text: 'running', tone: 'busy' };
  if (outcome === 'exited') return { text: `exit ${exitCode}`, tone: exitCode === 0 ? 'good' : 'bad' };
  return { text: signal ?? outcome ?? 'ended', tone: outcome === 'aborted' ? 'warn' : 'bad' };
}

const CLOSED = { text: 'closed', tone: 'calm' } as const;
