/** This terminal as the keyboard and screen of a command in a sandbox. */
import { spawnSync } from 'node:child_process';
import { finished } from 'node:stream/promises';
import { within } from '../../base/abort.js';
import type { CommandHandle } from '../../command/command-handle.js';
import type { CommandResult } from '../../command/outcome.js';

/** Ctrl+], as in telnet and systemd-nspawn. */
const ESCAPE = 0x1d;
const NEWLINE = 0x0a;
const ESCAPES = 3;
const ESCAPE_MS = 1000;
/** For a screen that is slower than the command was. */
const LAST_OUTPUT_MS = 1000;

/** The size of a terminal. Serial lines and many a terminal of a CI job know none and report 0: they get the VT100's. */
export const screenSize = ({ columns, rows }: { columns?: number; rows?: number } = process.stdout) => ({
  cols: columns || 80,
  rows: rows || 24,
});

/** Puts this terminal into raw mode until the command ends, and back however it ends. */
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
  // Also where the process ends in another way than through here: a terminal left raw shows nothing that is typed.
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
  // It may have changed between the start and here.
  onResize();
  try {
    const result = await command.wait();
    await within(shown, LAST_OUTPUT_MS);
    // What comes next on this terminal begins on a line of its own.
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
 * Node's raw mode still turns every line feed into a new line (libuv sets ONLCR): the terminal inside has done that
 * where it is wanted, and full-screen programs move down a row with a bare line feed.
 */
function passOutput(): void {
  // Where there is no stty, lines still come out right.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
}

/** Sees Ctrl+] pressed three times in a row within a second. */
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
