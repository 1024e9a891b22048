/** All commands of a sandbox, regardless of how they were started: in the dashboard, through the API, by a task or a tool. */
import { useEffect, useMemo } from 'preact/hooks';
import { get } from '../api/http.js';
import type { PastCommand } from '../api/types.js';
import { CommandEnd, CommandName } from '../components/command-summary.js';
import { Problem } from '../components/problem.js';
import { now } from '../state/clock.js';
import { resource } from '../state/resource.js';
import { type LiveEventMessage, liveEvents, soon } from '../state/store.js';
import { clockTime, duration, plural, span } from '../text/format.js';

export function CommandHistory({ sandbox }: { sandbox: string }) {
  const history = useMemo(
    () => resource(() => get<PastCommand[]>(`/v1/sandboxes/${encodeURIComponent(sandbox)}/history`)),
    [sandbox],
  );
  useEffect(() => void history.load(), [history]);
  useCommandEvents(sandbox, history.load);
  const list = history.data.value ?? [];
  const error = history.error.value;
  // The page already reports a sandbox that was closed meanwhile.
  if (error && error.status !== 404 && error.status !== 410) {
    return <Problem what="Its commands cannot be read." error={error} retry={history.load} />;
  }
  if (list.length === 0) return null;
  return (
    <section class="others" aria-labelledby="history-title">
      <h2 id="history-title">All commands</h2>
      <p class="others-note muted">
        The last {plural(list.length, 'command')} in this sandbox, started from here, through the API, or by a task.
      </p>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Command</th>
            <th scope="col">Ended</th>
            <th scope="col" class="figure">
              Took
            </th>
            <th scope="col" class="figure">
              Started
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((command) => (
            <Row key={command.id} command={command} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ command }: { command: PastCommand }) {
  const { argv, startedAt, endedAt } = command;
  return (
    <tr>
      <th scope="row" class="command">
        <CommandName argv={argv} />
      </th>
      <td data-label="Ended">
        <CommandEnd command={command} />
      </td>
      <td data-label="Took" class="figure">
        {endedAt === undefined ? span(now.value - startedAt) : duration(endedAt - startedAt)}
      </td>
      <td data-label="Started" class="figure">
        {clockTime(startedAt)}
      </td>
    </tr>
  );
}

/** Calls `load` soon after a command of the sandbox has begun or ended, and after a reconnect. */
export function useCommandEvents(sandbox: string, load: () => Promise<void>): void {
  useEffect(() => {
    const loadSoon = soon(load);
    const onEvent = (event: Event) => {
      const { detail } = event as LiveEventMessage;
      if (detail.type.startsWith('command.') && 'sandbox' in detail && detail.sandbox === sandbox) loadSoon();
    };
    liveEvents.addEventListener('event', onEvent);
    liveEvents.addEventListener('reload', loadSoon);
    return () => {
      liveEvents.removeEventListener('event', onEvent);
      liveEvents.removeEventListener('reload', loadSoon);
    };
  }, [sandbox, load]);
}
