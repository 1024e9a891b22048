/**
 * Trees up and down, against `docker cp` to and from a plain container. The bound is on a tree of 100 MiB and 10,000
 * small files. Its parts are measured, too; one large file is where the pipe gains least, because the engine and its
 * shim copy all that goes through it.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inTurns, median, pairedRatio } from '../measure.mjs';
import { cli, cliVersion } from '../peers/docker.mjs';
import { idleContainer } from '../peers/dockerode-exec.mjs';
import { digits } from '../report.mjs';

export const title = 'Files up and down: 100 MiB and 10,000 files of 1 KiB, together and each';

/** 10,000 files in 100 directories. */
function manyFiles(root) {
  const content = Buffer.alloc(1024, 'x');
  for (let d = 0; d < 100; d++) {
    mkdirSync(join(root, `d${d}`), { recursive: true });
    for (let f = 0; f < 100; f++) writeFileSync(join(root, `d${d}`, `f${f}`), content);
  }
}

export async function run({ context, report, quick }) {
  await cliVersion();
  const scratch = context.makeDirectory();
  const many = join(scratch, 'many');
  const large = join(scratch, 'large');
  mkdirSync(large);
  writeFileSync(join(large, 'file'), Buffer.alloc(100 * 1024 * 1024, 'y'));
  manyFiles(many);
  const both = join(scratch, 'both');
  cpSync(many, both, { recursive: true });
  cpSync(large, both, { recursive: true });
  const manager = await context.openManager();
  const sandbox = await manager.create({ image: 'python', limits: { memory: '2g', cpus: 2, files: 1_000_000 } });
  const idle = await idleContainer(context.image, context.run);
  const bars = [];
  let serial = 0;
  // A new directory every time: file systems are slow at recreating what was just deleted.
  const fresh = () => `t${serial++}`;
  try {
    for (const [name, source] of Object.entries({ both, '100 MiB': large, '10,000 files': many })) {
      const rounds = { rounds: quick ? 2 : 5 };
      const up = await inTurns(
        {
          [`Ripcord up, ${name}`]: () => sandbox.files.upload(source, fresh()),
          [`docker cp up, ${name}`]: () => cli(['cp', source, `${idle.id}:/${fresh()}`]),
        },
        rounds,
      );
      await sandbox.exec('rm -rf t*');
      await sandbox.files.upload(source, 'src');
      await cli(['cp', source, `${idle.id}:/src`]);
      const down = await inTurns(
        {
          [`Ripcord down, ${name}`]: () => sandbox.files.download('src', join(scratch, fresh())),
          [`docker cp down, ${name}`]: () => cli(['cp', `${idle.id}:/src`, join(scratch, fresh())]),
        },
        rounds,
      );
      await sandbox.files.remove('src', { recursive: true });
      await cli(['exec', idle.id, 'rm', '-rf', '/src']);
      const figures = [];
      for (const times of [up, down]) {
        report.samples(times);
        const [[what, ours], [, theirs]] = Object.entries(times);
        const ratio = pairedRatio(ours, theirs);
        figures.push({ ours: median(ours), theirs: median(theirs), ratio });
        bars.push(...Object.entries(times).map(([way, values]) => ({ name: way, value: median(values) })));
        if (name === '100 MiB') report.note(`${what}, of docker cp's time: ${ratio.toFixed(2)}×`);
        else report.check(`${what}, of docker cp's time`, ratio, '<=', 1, '×');
      }
      const pair = (key, unit) => figures.map((figure) => digits(figure[key] / unit)).join(' / ');
      report.headline(
        `${WHAT[name]} up / down`,
        `${pair('ours', 1000)} s`,
        `\`docker cp\` ${pair('theirs', 1000)} s`,
        pair('ratio', 1),
      );
    }
    report.bars({ name: 'files', title: 'Files up and down, p50', unit: 'ms', bars });
  } finally {
    await idle.remove({ force: true });
    await sandbox.close();
    rmSync(scratch, { recursive: true });
  }
}

const WHAT = {
  both: 'a tree of 100 MiB and 10,000 files',
  '100 MiB': 'one file of 100 MiB',
  '10,000 files': '10,000 files of 1 KiB',
};
