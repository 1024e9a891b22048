/** From nothing to the first output to gone again, against `docker run --rm` with the same image and flags. */
import { cli, HARDENED, hasCli } from '../engine.mjs';
import { inTurns, pairedRatio } from '../measure.mjs';
import { check, printTimes } from '../report.mjs';

export const title = 'cold: create → first output → gone';

export async function run({ manager, quick }) {
  if (!hasCli) {
    console.log('  skipped: no docker CLI to compare with');
    return [];
  }
  const times = await inTurns(
    {
      ripcord: async () => {
        const sandbox = await manager.create({ image: 'python' });
        const { stdout } = await sandbox.exec(['echo', 'hello']);
        if (stdout !== 'hello\n') throw new Error(`unexpected output ${stdout}`);
        const receipt = await sandbox.close();
        if (!receipt.container.verifiedAbsent) throw new Error('not gone');
      },
      'docker run --rm': () => cli(['run', '--rm', ...HARDENED, 'ripcord/python:latest', 'echo', 'hello']),
    },
    { rounds: quick ? 5 : 25 },
  );
  printTimes(times);
  return [check('of the time of docker run', pairedRatio(times.ripcord, times['docker run --rm']), '<=', 1.2, '×')];
}
