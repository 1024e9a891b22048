import { safeLine } from '../../base/harmless-text.js';
import type { LeftOut } from '../../workspace/left-out.js';
import { note } from '../failure.js';
import { plural } from '../terminal/format.js';

const MAX_NAMED = 5;

/** Reports the paths that .gitignore files and the default list left out. */
export function noteIgnored({ ignored, ignoredCount }: LeftOut): void {
  if (ignoredCount === 0) return;
  const names = ignored.slice(0, MAX_NAMED).map((path) => safeLine(path, 60));
  const more = ignoredCount > MAX_NAMED ? ', …' : '';
  note(`${plural(ignoredCount, 'path')} left out: ${names.join(', ')}${more} (--no-default-ignores, --no-gitignore)`);
}
