/** One sandbox: its state, and tabs for its terminal, commands and files. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../api/http.js';
import type { SandboxDocument } from '../api/types.js';
import { Badge } from '../components/badge.js';
import { Labels } from '../components/labels.js';
import { Empty, Loading, Problem } from '../components/problem.js';
import { now } from '../state/clock.js';
import { forgetRuns } from '../state/command-run.js';
import { attempt, notify } from '../state/notices.js';
import { go, links, type SandboxTab } from '../state/route.js';
import { closeSandbox, receipts, sandboxes } from '../state/store.js';
import { span } from '../text/format.js';
import { safeLine } from '../text/safe-text.js';
import { PortPreview } from './port-preview.js';
import { ReceiptTable } from './receipts.js';
import { SandboxCommands } from './sandbox-commands.js';
import { SandboxFiles } from './sandbox-files.js';
import { Cpu, Memory } from './sandboxes.js';
import { TerminalTab } from './terminal-tab.js';

const TABS: readonly (readonly [SandboxTab, string])[] = [
  ['commands', 'Commands'],
  ['files', 'Files'],
  ['terminal', 'Terminal'],
];

export function SandboxPage({ id, tab }: { id: string; tab: SandboxTab }) {
  const list = sandboxes.data.value;
  const sandbox = list?.find((one) => one.id === id);
  if (!sandbox) {
    if (list) return <Gone id={id} />;
    const error = sandboxes.error.value;
    return error ? (
      <Problem what="The sandbox cannot be read." error={error} retry={sandboxes.load} />
    ) : (
      <Loading what="Reading the sandbox…" />
    );
  }
  return (
    <>
      <Head sandbox={sandbox} />
      <Tabs id={id} tab={tab} />
      <section role="tabpanel" id="panel" aria-labelledby={`tab-${tab}`}>
        {tab === 'commands' && <SandboxCommands sandbox={id} />}
        {tab === 'files' && <SandboxFiles sandbox={id} />}
        {tab === 'terminal' && <TerminalTab sandbox={id} />}
      </section>
    </>
  );
}

function Head({ sandbox }: { sandbox: SandboxDocument }) {
  const { id, image, createdAt, endsAt, state, stats, limits, labels } = sandbox;
  return (
    <>
      <header class="view-head">
        <div>
          <p class="crumbs">
            <a href={links.sandboxes}>Sandboxes</a>
          </p>
          <h1>
            <code>{safeLine(id)}</code> <span class="muted">{safeLine(image)}</span>
            {state !== 'open' && <Badge state={state} />}
          </h1>
          <Labels of={labels} max={50} />
        </div>
        <div class="actions">
          <PortPreview sandbox={id} />
          <Extend id={id} />
          <button type="button" class="danger" onClick={() => void closeSandbox(id)}>
            Close sandbox
          </button>
        </div>
      </header>
      <dl class="figures">
        <div>
          <dt>Age</dt>
          <dd>{span(now.value - Date.parse(createdAt))}</dd>
        </div>
        <div>
          <dt>Ends in</dt>
          <dd>{span(Date.parse(endsAt) - now.value)}</dd>
        </div>
        <div>
          <dt>CPU</dt>
          <dd>
            <Cpu id={id} />
          </dd>
        </div>
        <div>
          <dt>Memory</dt>
          <dd>
            <Memory sandbox={sandbox} />
          </dd>
        </div>
        <div>
          <dt>Processes</dt>
          <dd>
            {stats?.pids ?? '–'}
            <span class="muted"> of {limits.pids}</span>
          </dd>
        </div>
      </dl>
    </>
  );
}

const LIFETIMES: readonly (readonly [ms: number, words: string])[] = [
  [10 * 60_000, '10 min'],
  [60 * 60_000, '1 h'],
  [4 * 60 * 60_000, '4 h'],
];

function Extend({ id }: { id: string }) {
  const [ms, setMs] = useState(LIFETIMES[1]![0]);
  const extend = () =>
    attempt('The end could not be moved', async () => {
      await post(`/v1/sandboxes/${encodeURIComponent(id)}/extend`, { lifetimeMs: ms });
      notify('ok', `The sandbox now ends in ${span(ms)}.`);
      await sandboxes.load();
    });
  return (
    <span class="joined">
      <select
        aria-label="Time until its end, from now"
        value={String(ms)}
        onChange={(event) => setMs(Number(event.currentTarget.value))}
      >
        {LIFETIMES.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
      <button type="button" onClick={() => void extend()}>
        Extend
      </button>
    </span>
  );
}

function Tabs({ id, tab }: { id: string; tab: SandboxTab }) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const index = TABS.findIndex(([name]) => name === tab);
    const [next] = TABS[(index + step + TABS.length) % TABS.length]!;
    go(links.sandbox(id, next));
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Of this sandbox" ref={list} onKeyDown={onKeyDown}>
      {TABS.map(([name, label]) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={name === tab}
          aria-controls="panel"
          tabIndex={name === tab ? 0 : -1}
          onClick={() => go(links.sandbox(id, name))}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

function Gone({ id }: { id: string }) {
  useEffect(() => {
    forgetRuns(id);
    void receipts.load();
  }, [id]);
  const receipt = receipts.data.value?.find(({ sandbox }) => sandbox === id);
  return (
    <>
      <header class="view-head">
        <div>
          <p class="crumbs">
            <a href={links.sandboxes}>Sandboxes</a>
          </p>
          <h1>
            <code>{safeLine(id)}</code>
          </h1>
        </div>
      </header>
      {receipt ? (
        <>
          <p class="lead">This sandbox is closed. Its receipt:</p>
          <ReceiptTable receipts={[receipt]} />
        </>
      ) : (
        <Empty title="There is no such sandbox.">
          <p>It was closed a while ago, or belongs to another server.</p>
          <a href={links.sandboxes}>To the sandboxes</a>
        </Empty>
      )}
    </>
  );
}
