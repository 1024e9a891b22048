/** A question to the person at the terminal. */
import { createInterface } from 'node:readline/promises';

/** True when a person can read the question and answer it. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/**
 * Asks on stderr. Ctrl+D answers `''`; Ctrl+C sends SIGINT, as it does elsewhere.
 * @throws what the readline throws once `signal` is aborted
 */
export async function ask(question: string, signal: AbortSignal): Promise<string> {
  const readline = createInterface({ input: process.stdin, output: process.stderr });
  // While it asks the terminal is raw: Ctrl+C is a key, and no signal yet.
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
