/** Runs a command and shows its output. Lists the background commands and the history below. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { del, get } from '../api/http.js';
import type { CommandDocument, CommandResult } from '../api/types.js';
import { Badge } from '../components/badge.js';
import { Output } from '../components/output.js';
import { Empty, Hint } from '../components/problem.js';
import { now } from '../state/clock.js';
import { type CommandRun, run, runsOf } from '../state/command-run.js';
import { attempt, type Failure } from '../state/notices.js';
import { resource } from '../state/resource.js';
import { commandEnd } from '../text/command-end.js';
import { commandText } from '../text/command-text.js';
import { bytes, duration, span } from '../text/format.js';
import { OutputLog } from '../text/output-log.js';
import { safeLine } from '../text/safe-text.js';
import { CommandHistory, useCommandEvents } from './command-history.js';
import { useNewRequest } from './sandboxes.js';

export function SandboxCommands({ sandbox }: { sandbox: string }) {
  const runs = runsOf(sandbox);
  return (
    <>
      <CommandLine sandbox={sandbox} earlier={runs.map(({ command }) => command)} />
      {runs.length === 0 && (
        <Empty title="No command was run from here.">
          <p>A shell line, run as the sandbox's user in its workspace. Its output streams in below.</p>
        </Empty>
      )}
      {runs.map((one) => (
        <RunView key={one.id} run={one} />
      ))}
      <BackgroundCommands sandbox={sandbox} />
      <CommandHistory sandbox={sandbox} />
    </>
  );
}

function CommandLine({ sandbox, earlier }: { sandbox: string; earlier: readonly string[] }) {
  const [line, setLine] = useState('');
  const [at, setAt] = useState(-1);
  const field = useRef<HTMLInputElement>(null);
  useNewRequest(() => field.current?.focus());
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = Math.max(-1, Math.min(earlier.length - 1, at + step));
    setAt(next);
    setLine(earlier[next] ?? '');
  };
  return (
    <form
      class="command-line"
      onSubmit={(event) => {
        event.preventDefault();
        if (!line.trim()) return;
        run(sandbox, line);
        setLine('');
        setAt(-1);
      }}
    >
      <label class="visually-hidden" for="command">
        Command
      </label>
      <span class="prompt" aria-hidden="true">
        $
      </span>
      <input
        id="command"
        ref={field}
        value={line}
        onInput={(event) => setLine(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        placeholder="python3 -c 'print(6 * 7)'"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
      />
      <button type="submit" class="primary">
        Run
      </button>
    </form>
  );
}

function RunView({ run: one }: { run: CommandRun }) {
  void one.version.value;
  const end = one.end.value;
  return (
    <CommandCard
      text={one.command}
      output={one.output}
      runningMs={end === undefined ? now.value - one.startedAt : undefined}
      result={end?.result}
      error={end?.error}
      kill={() => one.kill()}
    />
  );
}

interface CardProps {
  text: string;
  output: OutputLog;
  /** Time that the command has run; undefined if it has ended. */
  runningMs: number | undefined;
  result?: CommandResult;
  error?: Failure;
  kill: () => void;
}

function CommandCard({ text, output, runningMs, result, error, kill }: CardProps) {
  const running = runningMs !== undefined;
  return (
    <article class="run">
      <header>
        <code class="one-line" title={safeLine(text)}>
          <bdi>{safeLine(text, 500)}</bdi>
        </code>
        <span class="run-facts">
          {running && <Badge state="running">{span(runningMs)}</Badge>}
          {result && <Ended result={result} />}
          {error !== undefined && <Badge state="error">failed</Badge>}
        </span>
        {running && (
          <button type="button" class="danger" onClick={kill} aria-label={`Kill ${safeLine(text, 80)}`}>
            Kill
          </button>
        )}
      </header>
      <Output
        log={output}
        label={`Output of ${safeLine(text, 80)}`}
        empty={running ? 'No output yet.' : 'It printed nothing.'}
      />
      {error !== undefined && (
        <div class="problem">
          <p>{safeLine(error.message)}</p>
          <Hint of={error} />
        </div>
      )}
      {result?.failure && <p class="problem">{safeLine(result.failure.message)}</p>}
      {result && <Hint of={result} />}
    </article>
  );
}

function Ended({ result }: { result: CommandResult }) {
  const { durationMs, usage, backgroundKilled } = result;
  const { text, tone } = commandEnd({ ...result, endedAt: 0 });
  return (
    <>
      <Badge state={text} tone={tone} />
      <span class="muted">
        {duration(durationMs)} · {bytes(usage.maxRssBytes)}
        {backgroundKilled > 0 && ` · ${backgroundKilled} left behind, killed`}
      </span>
    </>
  );
}

const REFRESH_MS = 2000;

/** Background commands that programs started. The server keeps the head and tail of their output. */
function BackgroundCommands({ sandbox }: { sandbox: string }) {
  const base = `/v1/sandboxes/${encodeURIComponent(sandbox)}/commands`;
  const commands = useMemo(() => resource(() => get<CommandDocument[]>(base)), [base]);
  useEffect(() => {
    void commands.load();
    const timer = setInterval(() => {
      if (!document.hidden && commands.data.peek()?.some(({ running }) => running)) void commands.load();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [commands]);
  useCommandEvents(sandbox, commands.load);
  const list = commands.data.value;
  if (!list || list.length === 0) return null;
  const kill = (id: string) =>
    attempt('The command could not be killed', async () => {
      await del(`${base}/${encodeURIComponent(id)}`);
      await commands.load();
    });
  return (
    <section class="others">
      <h2>In the background</h2>
      {[...list].reverse().map((command) => (
        <Background key={command.id} command={command} kill={() => void kill(command.id)} />
      ))}
    </section>
  );
}

function Background({ command, kill }: { command: CommandDocument; kill: () => void }) {
  const { running, startedAt, result, stdout, stderr } = command;
  const output = useMemo(() => {
    const log = new OutputLog();
    log.push('stdout', stdout);
    log.push('stderr', stderr);
    log.end();
    return log;
  }, [stdout, stderr]);
  return (
    <CommandCard
      text={commandText(command.command)}
      output={output}
      runningMs={running ? now.value - Date.parse(startedAt) : undefined}
      result={result}
      kill={kill}
    />
  );
}
