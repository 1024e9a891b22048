/**
 * Trees up and down, against `docker cp` to and from a plain container. The bound is on a tree of 100 MiB and 10,000
 * small files. Its parts are measured, too; one large file is where the pipe gains least, because the engine and its
 * shim copy all that goes through it.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli, hasCli, idleContainer } from '../engine.mjs';
import { inTurns, pairedRatio } from '../measure.mjs';
import { check, printTimes } from '../report.mjs';

export const title = 'files up and down: 100 MiB and 10,000 files of 1 KiB, together and each';

/** 10,000 files in 100 directories. */
function manyFiles(root) {
  const content = Buffer.alloc(1024, 'x');
  for (let d = 0; d < 100; d++) {
    mkdirSync(join(root, `d${d}`), { recursive: true });
    for (let f = 0; f < 100; f++) writeFileSync(join(root, `d${d}`, `f${f}`), content);
  }
}

export async function run({ manager, quick }) {
  if (!hasCli) {
    console.log('  skipped: no docker CLI to compare with');
    return [];
  }
  const scratch = mkdtempSync(join(tmpdir(), 'ripcord-bench-'));
  const many = join(scratch, 'many');
  const large = join(scratch, 'large');
  mkdirSync(large);
  writeFileSync(join(large, 'file'), Buffer.alloc(100 * 1024 * 1024, 'y'));
  manyFiles(many);
  const both = join(scratch, 'both');
  cpSync(many, both, { recursive: true });
  cpSync(large, both, { recursive: true });
  const sandbox = await manager.create({ image: 'python', limits: { memory: '2g', cpus: 2, files: 1_000_000 } });
  const idle = await idleContainer('ripcord/python:latest');
  const results = [];
  let serial = 0;
  try {
    // A new directory every time: file systems are slow at recreating what was just deleted.
    const fresh = () => `t${serial++}`;
    for (const [name, source] of [
      ['both', both],
      ['100 MiB', large],
      ['10,000 files', many],
    ]) {
      const up = await inTurns(
        {
          [`ripcord up, ${name}`]: async () => {
            await sandbox.files.upload(source, fresh());
          },
          [`docker cp up, ${name}`]: async () => {
            await cli(['cp', source, `${idle.container.id}:/${fresh()}`]);
          },
        },
        { rounds: quick ? 2 : 5 },
      );
      await sandbox.exec('rm -rf t*');
      await sandbox.files.upload(source, 'src');
      await cli(['cp', source, `${idle.container.id}:/src`]);
      const down = await inTurns(
        {
          [`ripcord down, ${name}`]: () => sandbox.files.download('src', join(scratch, fresh())),
          [`docker cp down, ${name}`]: () => cli(['cp', `${idle.container.id}:/src`, join(scratch, fresh())]),
        },
        { rounds: quick ? 2 : 5 },
      );
      await sandbox.files.remove('src', { recursive: true });
      await cli(['exec', idle.container.id, 'rm', '-rf', '/src']);
      for (const times of [up, down]) {
        printTimes(times);
        const [ours, theirs] = Object.values(times);
        const what = `${Object.keys(times)[0]}, of docker cp's time`;
        if (name === '100 MiB') console.log(`       ${what}: ${pairedRatio(ours, theirs).toFixed(2)}×`);
        else results.push(check(what, pairedRatio(ours, theirs), '<=', 1, '×'));
      }
    }
    return results;
  } finally {
    await idle.remove();
    await sandbox.close();
    rmSync(scratch, { recursive: true });
  }
}
