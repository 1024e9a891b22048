import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const WATCHDOG = new URL('../../../dist/cleanup/watchdog.js', import.meta.url).href;

/** Opens files until every descriptor is used, then starts a watchdog. */
const STARVED = `
import { openSync } from 'node:fs';
import { Watchdog } from '${WATCHDOG}';
try { for (;;) openSync('/dev/null'); } catch {}
let error;
try { new Watchdog({ connection: {}, instance: 'x', directory: '/nowhere', root: '/nowhere' }); } catch (caught) { error = caught; }
setTimeout(() => process.stdout.write(error.code + ': ' + error.message), 50);
`;

it('says that it could not be started, and costs its owner nothing more', () => {
  const script = 'ulimit -n 60; exec "$0" --input-type=module -e "$1"';
  const said = execFileSync('sh', ['-c', script, process.execPath, STARVED], { encoding: 'utf8', stdio: 'pipe' });
  expect(said).toBe('engine-error: The watchdog could not be started');
});
