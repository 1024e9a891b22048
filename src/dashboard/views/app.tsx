/** The frame around every view: navigation, connection state and abort buttons. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { refused, token } from '../api/token.js';
import { AbortButton } from '../components/abort-button.js';
import { Empty } from '../components/problem.js';
import { links, type Route, route } from '../state/route.js';
import { useShortcuts } from '../state/shortcuts.js';
import { abortEverything, abortTask, currentTask, runningTasks, sandboxes, tasks } from '../state/store.js';
import { safeLine } from '../text/safe-text.js';
import { ConnectionBanner, ConnectionSign } from './connection.js';
import { Help } from './help.js';
import { Notices } from './notices.js';
import { Receipts } from './receipts.js';
import { SandboxPage } from './sandbox-page.js';
import { Sandboxes } from './sandboxes.js';
import { SignIn } from './sign-in.js';
import { TaskPage } from './task-page.js';
import { Tasks } from './tasks.js';

export function App() {
  const main = useRef<HTMLElement>(null);
  const [help, setHelp] = useState(false);
  useShortcuts(() => setHelp((open) => !open));
  useTitle();
  useFocusOnArrival(main.current);
  if (refused.value) return <SignIn again={token.value !== undefined} />;
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="bar">
        <a class="brand" href={links.sandboxes}>
          <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
            <path d="M16 3v9" />
            <circle cx="16" cy="20" r="8" />
          </svg>
          Ripcord
        </a>
        <Navigation current={route.value} />
        <ConnectionSign />
        <button
          type="button"
          class="quiet help"
          onClick={() => setHelp(true)}
          title="Keys and help (?)"
          aria-label="Help"
        >
          ?
        </button>
        <AbortBar />
      </header>
      <ConnectionBanner />
      <main id="main" ref={main} tabIndex={-1}>
        <View route={route.value} />
      </main>
      <Notices />
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  );
}

function View({ route: at }: { route: Route }) {
  switch (at.view) {
    case 'sandboxes':
      return <Sandboxes />;
    case 'sandbox':
      return <SandboxPage key={at.id} id={at.id} tab={at.tab} />;
    case 'tasks':
      return <Tasks />;
    case 'task':
      return <TaskPage key={at.id} id={at.id} />;
    case 'receipts':
      return <Receipts />;
    default:
      return (
        <Empty title="There is no such page.">
          <a href={links.sandboxes}>To the sandboxes</a>
        </Empty>
      );
  }
}

function Navigation({ current }: { current: Route }) {
  const at = current.view;
  const awaiting = runningTasks.value.filter(({ awaitsApproval }) => awaitsApproval).length;
  return (
    <nav aria-label="Main">
      <a href={links.sandboxes} aria-current={at === 'sandboxes' || at === 'sandbox' ? 'page' : undefined}>
        Sandboxes <Count of={sandboxes.data.value?.length} />
      </a>
      <a href={links.tasks} aria-current={at === 'tasks' || at === 'task' ? 'page' : undefined}>
        Tasks <Count of={runningTasks.value.length} />
        {awaiting > 0 && (
          <span class="badge warn">
            <span class="visually-hidden">{awaiting} waiting for approval</span>
            <span aria-hidden="true">!</span>
          </span>
        )}
      </a>
      <a href={links.receipts} aria-current={at === 'receipts' ? 'page' : undefined}>
        Receipts
      </a>
    </nav>
  );
}

const Count = ({ of: count }: { of: number | undefined }) => (count ? <span class="count">{count}</span> : null);

function AbortBar() {
  const task = currentTask.value;
  const idle = runningTasks.value.length === 0 && (sandboxes.data.value?.length ?? 0) === 0;
  return (
    <section class={idle ? 'abort-bar idle' : 'abort-bar'} aria-label="Abort">
      {task && (
        <AbortButton
          label="Abort task"
          which={safeLine(task.id, 12)}
          hint="Ends this task, its branches and their sandboxes at once (Ctrl+.)"
          abort={() => abortTask(task.id)}
        />
      )}
      <AbortButton
        label="Abort everything"
        hint="Ends every task and closes every sandbox of this server at once (Ctrl+Shift+.)"
        abort={abortEverything}
      />
    </section>
  );
}

function useTitle(): void {
  const awaiting = runningTasks.value.some(({ awaitsApproval }) => awaitsApproval);
  const running = (tasks.data.value ?? []).length > 0 ? runningTasks.value.length : 0;
  const title = awaiting ? 'Approval needed · Ripcord' : running > 0 ? `${running} running · Ripcord` : 'Ripcord';
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** Scrolls to the top and moves the focus there on each new page. The browser handles the first page. */
function useFocusOnArrival(main: HTMLElement | null): void {
  const at = route.value;
  const page = 'id' in at ? `${at.view} ${at.id}` : at.view;
  const before = useRef(page);
  // Use a layout effect: after the next paint it could take the focus from a dialog that a key has opened meanwhile.
  useLayoutEffect(() => {
    if (before.current === page) return;
    before.current = page;
    scrollTo(0, 0);
    main?.focus({ preventScroll: true });
  }, [page, main]);
}
