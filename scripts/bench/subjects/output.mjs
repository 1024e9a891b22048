/** 10 GiB of output: what it costs the host in memory, and how fast it is gone. */
import { performance } from 'node:perf_hooks';
import { check } from '../report.mjs';

export const title = 'output: 10 GiB dropped inside the sandbox; 1 GiB streamed to a callback';

/** The growth of RSS in MiB while `work` runs, sampled every 20 ms. */
async function rssGrowth(work) {
  global.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const start = performance.now();
  await work();
  clearInterval(timer);
  return { growth: (peak - before) / 1024 ** 2, seconds: (performance.now() - start) / 1000 };
}

export async function run({ manager, quick }) {
  const sandbox = await manager.create({ image: 'python', limits: { cpus: 2 } });
  const gib = quick ? 1 : 10;
  try {
    let result;
    const flood = await rssGrowth(async () => {
      result = await sandbox.exec(`head -c ${gib}G /dev/zero`);
    });
    if (result.stdoutBytes !== gib * 1024 ** 3) throw new Error(`counted ${result.stdoutBytes} bytes`);
    console.log(
      `  ${gib} GiB dropped inside in ${flood.seconds.toFixed(1)} s (${((gib * 1024) / flood.seconds).toFixed(0)} MiB/s)`,
    );
    let streamed = 0;
    const stream = await rssGrowth(() =>
      sandbox.exec('head -c 1G /dev/zero', {
        encoding: 'buffer',
        onStdout: (chunk) => void (streamed += chunk.length),
      }),
    );
    if (streamed !== 1024 ** 3) throw new Error(`streamed ${streamed} bytes`);
    console.log(`  1 GiB streamed in ${stream.seconds.toFixed(1)} s (${(1024 / stream.seconds).toFixed(0)} MiB/s)`);
    return [
      check(`RSS growth, ${gib} GiB dropped`, flood.growth, '<=', 64, ' MiB'),
      check('RSS growth, 1 GiB streamed', stream.growth, '<=', 64, ' MiB'),
    ];
  } finally {
    await sandbox.close();
  }
}
