/**
 * Every other way for a process to end. Where there is time for layer 2 (a signal that can be caught, an exception,
 * nothing left to do), all is removed before the process is gone; where there is none (process.exit, abort), the pipe's
 * end and the watchdog do it. Either way the process ends as it would have without Ripcord.
 */
import { expect, test } from 'vitest';
import { audit, settled } from '../helpers/chaos/audit.js';
import type { Exit, Orchestrator, Work } from '../helpers/chaos/orchestrator.js';
import { scenario } from '../helpers/chaos/scenario.js';

const BUSY: Work[] = ['flood', 'stubborn'];
const AT_ONCE = 'clean when it is gone';

interface Ending {
  title: string;
  end(orchestrator: Orchestrator): unknown;
  exit: Exit;
  /** Layer 2 has the time to do it all. */
  inTime: boolean;
  work?: Work[];
}

const endings: Ending[] = [
  { title: 'SIGTERM', end: (o) => o.signal('SIGTERM'), exit: { code: null, signal: 'SIGTERM' }, inTime: true },
  { title: 'SIGHUP', end: (o) => o.signalGroup('SIGHUP'), exit: { code: null, signal: 'SIGHUP' }, inTime: true },
  { title: 'Ctrl+C', end: (o) => o.signalGroup('SIGINT'), exit: { code: null, signal: 'SIGINT' }, inTime: true },
  {
    title: 'Ctrl+C twice',
    end: async (o) => {
      o.signalGroup('SIGINT');
      // The second arrives while the first is being answered.
      await o.heard('sandbox-closed');
      o.signalGroup('SIGINT');
    },
    exit: { code: null, signal: 'SIGINT' },
    inTime: true,
  },
  {
    title: 'Ctrl+C twice at once',
    end: (o) => {
      o.signalGroup('SIGINT');
      o.signalGroup('SIGINT');
    },
    exit: { code: null, signal: 'SIGINT' },
    inTime: true,
  },
  { title: 'an uncaught exception', end: (o) => o.tell('throw'), exit: { code: 1, signal: null }, inTime: true },
  { title: 'an unhandled rejection', end: (o) => o.tell('reject'), exit: { code: 1, signal: null }, inTime: true },
  {
    title: 'nothing left to do, with idle sandboxes and nothing closed',
    end: (o) => o.tell('finish 3'),
    exit: { code: 3, signal: null },
    inTime: true,
    work: ['idle', 'idle', 'idle'],
  },
  { title: 'process.exit()', end: (o) => o.tell('exit 7'), exit: { code: 7, signal: null }, inTime: false },
  { title: 'process.abort()', end: (o) => o.tell('abort'), exit: { code: null, signal: 'SIGABRT' }, inTime: false },
  { title: 'SIGQUIT', end: (o) => o.signalGroup('SIGQUIT'), exit: { code: null, signal: 'SIGQUIT' }, inTime: false },
];

for (const { end, exit, inTime, title, work = BUSY } of endings) {
  test.concurrent(`${title} leaves nothing behind, and the exit is what it would have been`, () =>
    scenario(async ({ start }) => {
      const orchestrator = await start({ work });
      await orchestrator.heard('busy');
      const since = performance.now();
      await end(orchestrator);
      expect(await orchestrator.exits()).toEqual(exit);
      const exitMs = Math.round(performance.now() - since);
      if (inTime) {
        const { containers, directories, volumes, processes } = await audit(orchestrator.subject);
        expect({ containers, directories, volumes, processes }, AT_ONCE).toEqual({
          containers: [],
          directories: [],
          volumes: [],
          processes: [],
        });
      }
      const { cleanMs } = await settled(orchestrator.subject, { since });
      console.log(`[chaos] ${title}: process gone after ${exitMs} ms, clean after ${Math.round(cleanMs)} ms`);
    }));
}

test.concurrent('an uncaught exception is printed as it would have been', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: ['sleep'] });
    await orchestrator.heard('busy');
    orchestrator.tell('throw');
    await orchestrator.exits();
    expect(orchestrator.stderr).toContain('Error: an exception nobody catches');
    expect(orchestrator.stderr).toContain('orchestrator-main.mjs');
  }));

test.concurrent.each<[string, (orchestrator: Orchestrator) => unknown, string]>([
  ['an uncaught exception', (o) => o.tell('throw'), 'Error: an exception nobody catches'],
  ['SIGTERM', (o) => o.signal('SIGTERM'), ''],
])('after %s nothing is printed of the commands that it cut off', (_, end, printed) =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: ['uncaught', 'uncaught'] });
    await orchestrator.heard('busy');
    await end(orchestrator);
    await orchestrator.exits();
    expect(orchestrator.stderr).toContain(printed);
    expect(orchestrator.stderr).not.toContain('SandboxLostError');
    expect(orchestrator.stderr.match(/Error: /g) ?? []).toHaveLength(printed === '' ? 0 : 1);
  }),
);

test.concurrent('with handleSignals: false a signal ends the process at once, and nothing is left all the same', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: BUSY, handleSignals: false });
    await orchestrator.heard('busy');
    const since = performance.now();
    orchestrator.signal('SIGTERM');
    expect(await orchestrator.exits(2000)).toEqual({ code: null, signal: 'SIGTERM' });
    await settled(orchestrator.subject, { since });
  }));

test.concurrent('a signal while sandboxes are being made leaves nothing behind', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ sandboxes: 6, work: BUSY });
    await orchestrator.heard('created');
    const since = performance.now();
    orchestrator.signal('SIGTERM');
    expect(await orchestrator.exits()).toEqual({ code: null, signal: 'SIGTERM' });
    const { containers, directories } = await audit(orchestrator.subject);
    expect({ containers, directories }, AT_ONCE).toEqual({ containers: [], directories: [] });
    await settled(orchestrator.subject, { since });
  }));

test.concurrent('a signal while the last close is under way ends the process by that signal, and nothing is left', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: ['idle', 'idle', 'idle', 'idle'], signalWhenClosing: 'SIGTERM' });
    await orchestrator.heard('busy');
    orchestrator.tell('finish 0');
    expect(await orchestrator.exits()).toEqual({ code: null, signal: 'SIGTERM' });
    expect((await audit(orchestrator.subject)).containers, AT_ONCE).toEqual([]);
    await settled(orchestrator.subject);
  }));

test.concurrent('a signal the application handles itself closes the manager and leaves the rest to the application', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: BUSY, handles: 'SIGTERM' });
    await orchestrator.heard('busy');
    orchestrator.signal('SIGTERM');
    await orchestrator.heard('handled');
    await orchestrator.heard('sandbox-closed', { count: BUSY.length });
    orchestrator.tell('close');
    const [{ receipt }] = await orchestrator.heard('closed');
    expect(receipt).toMatchObject({ left: { containers: 0, volumes: 0, directories: 0 }, errors: [] });
    expect(orchestrator.hasExited).toBe(false);
    orchestrator.tell('exit 5');
    expect(await orchestrator.exits()).toEqual({ code: 5, signal: null });
    await settled(orchestrator.subject);
  }));

test.concurrent('a seed that is not there fails its create and nothing else', () =>
  scenario(async ({ start }) => {
    const orchestrator = await start({ work: ['idle'], seed: '/nonexistent/seed' });
    const [{ error }] = await orchestrator.heard('failed');
    expect(error?.code).toBe('seed-invalid');
    expect(await orchestrator.exits()).toEqual({ code: 70, signal: null });
    await settled(orchestrator.subject);
  }));
