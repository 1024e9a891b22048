/** Current view of the dashboard: the part of the URL after `#`, so that the server needs to serve only one page. */
import { computed, signal } from '@preact/signals';

export type SandboxTab = 'terminal' | 'commands' | 'files';

export type Route =
  | { view: 'sandboxes' }
  | { view: 'sandbox'; id: string; tab: SandboxTab }
  | { view: 'tasks' }
  | { view: 'task'; id: string }
  | { view: 'receipts' }
  | { view: 'unknown'; hash: string };

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

export const route = computed<Route>(() => parseRoute(hash.value));

const TABS: readonly string[] = ['terminal', 'commands', 'files'];

function parseRoute(text: string): Route {
  const [view = '', id, tab] = text
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decoded);
  if (view === '' || (view === 'sandboxes' && !id)) return { view: 'sandboxes' };
  if (view === 'sandboxes' && id && (tab === undefined || TABS.includes(tab))) {
    return { view: 'sandbox', id, tab: (tab ?? 'commands') as SandboxTab };
  }
  if (view === 'tasks') return id ? { view: 'task', id } : { view: 'tasks' };
  if (view === 'receipts') return { view: 'receipts' };
  return { view: 'unknown', hash: text };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const links = {
  sandboxes: '#/sandboxes',
  sandbox: (id: string, tab: SandboxTab = 'commands') => `#/sandboxes/${encodeURIComponent(id)}/${tab}`,
  tasks: '#/tasks',
  task: (id: string) => `#/tasks/${encodeURIComponent(id)}`,
  receipts: '#/receipts',
};

export function go(href: string): void {
  location.hash = href;
}
