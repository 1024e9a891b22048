/** Asks the user at the terminal. */
import { createInterface } from 'node:readline/promises';

/** Returns true if a user can read a question and answer it: stdin and stderr are terminals. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/**
 * Asks on stderr. Ctrl+D answers `''`; Ctrl+C sends SIGINT, as it does elsewhere.
 * @throws the AbortError of readline once `signal` is aborted
 */
export async function ask(question: string, signal: AbortSignal): Promise<string> {
  const readline = createInterface({ input: process.stdin, output: process.stderr });
  // While readline asks, the terminal is in raw mode: Ctrl+C arrives as a key, so the signal is sent here.
  readline.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await readline.question(question, { signal }).catch((error: Error) => {
      if (signal.aborted || error.name !== 'AbortError') throw error;
      return '';
    });
    return answer.trim();
  } finally {
    readline.close();
  }
}
