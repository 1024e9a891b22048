/** A command that was started in this dashboard, with its output and its outcome. */
import { signal } from '@preact/signals';
import { type ExecEnd, ExecSocket } from '../api/exec-socket.js';
import type { Channel } from '../api/types.js';
import { OutputLog } from '../text/output-log.js';

const RENDER_MS = 50;
let nextId = 1;

export class CommandRun {
  readonly id = nextId++;
  readonly startedAt = Date.now();
  readonly output = new OutputLog();
  readonly version = signal(0);
  readonly end = signal<ExecEnd | undefined>(undefined);
  /** Output that is not rendered yet. Its size is limited by the flow-control window. */
  #pending: { channel: Channel; data: Uint8Array }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  readonly #socket: ExecSocket;

  constructor(
    sandbox: string,
    readonly command: string,
  ) {
    this.#socket = new ExecSocket(
      sandbox,
      { command },
      {
        output: (channel, data) => this.#take(channel, data),
        ended: (end) => {
          clearTimeout(this.#timer);
          this.#flush();
          this.output.end();
          this.end.value = end;
          this.version.value++;
        },
      },
    );
  }

  kill(): void {
    this.#socket.kill();
  }

  /** Ends the command if it still runs. */
  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #take(channel: Channel, data: Uint8Array): void {
    this.#pending.push({ channel, data });
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
      this.version.value++;
    }, RENDER_MS);
  }

  #flush(): void {
    for (const { channel, data } of this.#pending) {
      this.output.push(channel, this.#decoders[channel].decode(data, { stream: true }));
      this.#socket.ack(channel, data.length);
    }
    this.#pending = [];
  }
}

/** Commands by sandbox. They keep running while the user views another page. */
const runs = new Map<string, CommandRun[]>();
const MAX_RUNS = 20;
const runsVersion = signal(0);

export function runsOf(sandbox: string): readonly CommandRun[] {
  void runsVersion.value;
  return runs.get(sandbox) ?? [];
}

export function run(sandbox: string, command: string): CommandRun {
  const started = new CommandRun(sandbox, command);
  const kept = [started, ...(runs.get(sandbox) ?? [])];
  for (const old of kept.splice(MAX_RUNS)) old.close();
  runs.set(sandbox, kept);
  runsVersion.value++;
  return started;
}

export function forgetRuns(sandbox: string): void {
  for (const old of runs.get(sandbox) ?? []) old.close();
  if (runs.delete(sandbox)) runsVersion.value++;
}
