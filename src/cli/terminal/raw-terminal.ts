/** Connects this terminal to a command in a sandbox, as its keyboard and screen. */
import { spawnSync } from 'node:child_process';
import { finished } from 'node:stream/promises';
import { within } from '../../base/abort.js';
import type { CommandHandle } from '../../command/command-handle.js';
import type { CommandResult } from '../../command/outcome.js';

/** Byte of Ctrl+], the escape key of telnet and systemd-nspawn. */
const ESCAPE = 0x1d;
const NEWLINE = 0x0a;
const ESCAPES = 3;
const ESCAPE_MS = 1000;
/** Maximum time to print remaining output after the end of the command, if the screen is slower. */
const LAST_OUTPUT_MS = 1000;

/** Returns the size of a terminal. Serial lines and terminals of CI jobs may report 0: they get 80 × 24, as on a VT100. */
export const screenSize = ({ columns, rows }: { columns?: number; rows?: number } = process.stdout) => ({
  cols: columns || 80,
  rows: rows || 24,
});

/** Puts this terminal into raw mode until the command ends, and restores it however the command ends. */
export async function connectTerminal(command: CommandHandle): Promise<CommandResult> {
  const { stdin, stdout } = process;
  const escapeKey = new EscapeKey(() => void command.kill());
  const onKey = (bytes: Buffer) => {
    escapeKey.press(bytes);
    command.stdin?.write(bytes);
  };
  const onEnd = () => command.stdin?.end();
  const onResize = () => {
    const { cols, rows } = screenSize();
    command.resize(cols, rows);
  };
  const restore = () => void stdin.setRawMode(false);

  stdin.setRawMode(true);
  passOutput();
  // Restore the terminal also if the process exits elsewhere: a terminal in raw mode does not show typed text.
  process.on('exit', restore);
  stdin.on('data', onKey).on('end', onEnd);
  stdout.on('resize', onResize);
  let lastByte = NEWLINE;
  command.stdout.on('data', (chunk: Buffer) => {
    lastByte = chunk.at(-1) ?? lastByte;
  });
  command.stdout.pipe(stdout, { end: false });
  command.stderr.resume();
  const shown = finished(command.stdout).catch(() => {});
  // The size may have changed since the command was started.
  onResize();
  try {
    const result = await command.wait();
    await within(shown, LAST_OUTPUT_MS);
    // Begin a new line for the next output on this terminal.
    if (lastByte !== NEWLINE) stdout.write('\r\n');
    return result;
  } finally {
    stdin.off('data', onKey).off('end', onEnd).pause();
    stdout.off('resize', onResize);
    restore();
    process.off('exit', restore);
  }
}

/**
 * Turns off the output processing of this terminal. Node's raw mode still turns a line feed into CR LF (libuv sets ONLCR).
 * The terminal in the sandbox has done that already, and full-screen programs need a bare line feed to move down a row.
 */
function passOutput(): void {
  // If stty is missing, only full-screen programs look wrong.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
}

/** Detects Ctrl+] pressed three times in a row within a second. */
class EscapeKey {
  readonly #onEscape: () => void;
  #times: number[] = [];

  constructor(onEscape: () => void) {
    this.#onEscape = onEscape;
  }

  press(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.#times = byte === ESCAPE ? [...this.#times, performance.now()].slice(-ESCAPES) : [];
    }
    const [first, ...rest] = this.#times;
    if (first !== undefined && rest.length === ESCAPES - 1 && rest.at(-1)! - first <= ESCAPE_MS) this.#onEscape();
  }
}
