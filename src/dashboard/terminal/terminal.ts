/** A terminal in a sandbox. It is a separate chunk, because it is most of the dashboard's size. */
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { type ExecEnd, ExecSocket } from '../api/exec-socket.js';
import { TERMINAL_SHELL } from '../text/command-text.js';
import { safeLine } from '../text/safe-text.js';
import { strictStyles } from './strict-styles.js';
import { THEME } from './theme.js';

const FONT = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';

export interface OpenTerminal {
  focus(): void;
  close(): void;
}

interface TerminalOptions {
  sandbox: string;
  onEnd(end: ExecEnd): void;
  /** Called when the user leaves the terminal with the keyboard. Tab cannot do that: the shell receives it. */
  onLeave(): void;
}

export function openTerminal(parent: HTMLElement, { sandbox, onEnd, onLeave }: TerminalOptions): OpenTerminal {
  const relax = strictStyles();
  const terminal = new Terminal({
    theme: THEME,
    fontFamily: FONT,
    fontSize: 13,
    lineHeight: 1.2,
    scrollback: 5000,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    screenReaderMode: true,
    // Ignore links that a program prints: a click must not open an address of its choice.
    linkHandler: null,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(parent);
  fit.fit();

  const socket = new ExecSocket(
    sandbox,
    {
      command: TERMINAL_SHELL,
      env: { TERM: 'xterm-256color' },
      stdin: true,
      pty: { cols: terminal.cols, rows: terminal.rows },
    },
    {
      // Acknowledge output once it is drawn: a flood then waits in the sandbox, and Ctrl+C gets through.
      output: (channel, data) => terminal.write(data, () => socket.ack(channel, data.length)),
      ended: (end) => {
        terminal.options.disableStdin = true;
        terminal.write(`\r\n\x1b[2m[the shell ended: ${safeLine(howOf(end))}]\x1b[0m\r\n`);
        onEnd(end);
      },
    },
  );
  terminal.onData((text) => socket.write(text));
  terminal.onBinary((text) => socket.write(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  terminal.onResize(({ cols, rows }) => socket.resize(cols, rows));
  terminal.attachCustomKeyEventHandler((event) => {
    if (!(event.ctrlKey && event.shiftKey && event.key === 'Escape')) return true;
    event.preventDefault();
    if (event.type === 'keydown') onLeave();
    return false;
  });
  const resizing = new ResizeObserver(() => fit.fit());
  resizing.observe(parent);
  return {
    focus: () => terminal.focus(),
    close: () => {
      resizing.disconnect();
      socket.close();
      terminal.dispose();
      relax();
    },
  };
}

function howOf({ error, result }: ExecEnd): string | undefined {
  if (error) return [error.message, error.hint].filter(Boolean).join(' ');
  return result?.outcome === 'exited' ? `exit ${result.exitCode}` : result?.outcome;
}
