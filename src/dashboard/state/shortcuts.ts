/** Keyboard shortcuts. Single-letter keys are off in fields and terminals, and can be switched off completely. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { go, links } from './route.js';
import { abortEverything, abortTask, currentTask } from './store.js';

const KEY = 'ripcord.letters';

export const letterKeys = signal(localStorage.getItem(KEY) !== 'off');

export function setLetterKeys(on: boolean): void {
  localStorage.setItem(KEY, on ? 'on' : 'off');
  letterKeys.value = on;
}

export const SHORTCUTS: readonly (readonly [keys: string, what: string])[] = [
  ['Ctrl .', 'Abort the current task'],
  ['Ctrl Shift .', 'Abort everything'],
  ['g s', 'Go to the sandboxes'],
  ['g t', 'Go to the tasks'],
  ['g r', 'Go to the receipts'],
  ['n', 'New sandbox, or new task'],
  ['Ctrl Shift Esc', 'Leave a terminal'],
  ['?', 'This help'],
];

const SEQUENCE_MS = 1200;
const PLACES: Record<string, string> = { s: links.sandboxes, t: links.tasks, r: links.receipts };

/** Counter that rises when the user presses the key to create a sandbox or task. */
export const newRequested = signal(0);

export function useShortcuts(toggleHelp: () => void): void {
  useEffect(() => {
    let wentAt = 0;
    const onKey = (event: KeyboardEvent) => {
      // Compare the position of the key, too, because its character with Shift differs between layouts.
      if ((event.ctrlKey || event.metaKey) && (event.key === '.' || event.code === 'Period')) {
        event.preventDefault();
        event.stopPropagation();
        if (event.shiftKey) void abortEverything();
        else if (currentTask.peek()) void abortTask(currentTask.peek()!.id);
        return;
      }
      if (!letterKeys.peek() || event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return;
      if (document.querySelector('dialog[open]')) return;
      const expected = event.timeStamp - wentAt < SEQUENCE_MS;
      wentAt = 0;
      const place = expected ? PLACES[event.key] : undefined;
      if (place) go(place);
      else if (event.key === 'g') wentAt = event.timeStamp;
      else if (event.key === 'n') newRequested.value++;
      else if (event.key === '?') toggleHelp();
      else return;
      event.preventDefault();
    };
    // Capture the event before a terminal gets it: the abort keys work everywhere.
    addEventListener('keydown', onKey, { capture: true });
    return () => removeEventListener('keydown', onKey, { capture: true });
  }, []);
}

function takesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
