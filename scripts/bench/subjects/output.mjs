/** Bytes a second that reach this process, against a raw attach; and its memory during a flood. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inTurns, median, pairedRatio, timed } from '../measure.mjs';
import { engine, HARDENED_HOST_CONFIG, LABEL } from '../peers/docker.mjs';
import { digits } from '../report.mjs';

export const title = 'Output: streamed to this process, against a raw attach; 10 GiB dropped inside the sandbox';

const GIB = 1024 ** 3;
const RAW = 'raw attach';

export async function run({ context, report, quick }) {
  const manager = await context.openManager();
  const sandbox = await manager.create({ image: 'python', limits: { cpus: 2 } });
  const bytes = quick ? GIB / 16 : GIB;
  const argv = ['head', '-c', String(bytes), '/dev/zero'];
  let peakGrowth = 0;
  const times = await inTurns(
    {
      'Ripcord, streamed to a callback': async () => {
        let streamed = 0;
        const growth = await rssGrowth(() =>
          sandbox.exec(argv, { encoding: 'buffer', onStdout: (chunk) => void (streamed += chunk.length) }),
        );
        if (streamed !== bytes) throw new Error(`streamed ${streamed} bytes`);
        peakGrowth = Math.max(peakGrowth, growth);
      },
      [RAW]: () => rawAttach(context, argv, bytes),
      'a pipe of the host': () => drainProcess(argv),
    },
    { rounds: quick ? 3 : 7 },
  );
  const rates = Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, ms.map((t) => bytes / 1000 / t)]));
  report.samples(rates, { unit: 'MB/s' });
  report.bars({
    name: 'output',
    title: 'Output that reaches the process, p50',
    unit: 'MB/s',
    largestFirst: true,
    bars: Object.entries(rates).map(([name, values]) => ({ name, value: median(values) })),
  });
  const ours = rates['Ripcord, streamed to a callback'];
  const ratio = pairedRatio(ours, rates[RAW]);
  report.check('output', median(ours), '>=', 200, ' MB/s', {
    what: 'of a raw attach',
    value: ratio,
    relation: '>=',
    bound: 0.9,
    unit: '×',
  });
  report.check('RSS growth while it streams', peakGrowth, '<=', 64, ' MiB');
  report.headline(
    'output that reaches your process',
    `${digits(median(ours))} MB/s`,
    `a raw attach ${digits(median(rates[RAW]))} MB/s`,
    digits(ratio),
  );

  const gib = quick ? 1 : 10;
  let result;
  const startedAt = performance.now();
  const growth = await rssGrowth(async () => {
    result = await sandbox.exec(`head -c ${gib}G /dev/zero`);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  if (result.stdoutBytes !== gib * GIB) throw new Error(`counted ${result.stdoutBytes} bytes`);
  report.note(`${gib} GiB dropped inside in ${digits(seconds)} s (${digits((gib * GIB) / 1e6 / seconds)} MB/s)`);
  report.check(`RSS growth, ${gib} GiB dropped inside`, growth, '<=', 64, ' MiB');
  report.headline(`${gib} GiB of output`, `${digits(seconds)} s, host RSS + ${growth.toFixed(0)} MiB`, '');
}

/** Reads the command's bytes as the engine sends them. @returns milliseconds from telling it to begin to the last byte */
async function rawAttach({ image, run }, argv, bytes) {
  const container = await engine().createContainer({
    Image: image,
    Cmd: ['sh', '-c', `read line; exec ${argv.join(' ')}`],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    Labels: { [LABEL]: run },
    HostConfig: { ...HARDENED_HOST_CONFIG, NanoCpus: 2e9 },
  });
  try {
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
    await container.start();
    let seen = 0;
    stream.on('data', (chunk) => (seen += chunk.length));
    const ms = await timed(() => {
      stream.write('go\n');
      return once(stream, 'end');
    });
    if (seen < bytes) throw new Error(`the attach had ${seen} bytes`);
    return ms;
  } finally {
    await container.remove({ force: true }).catch(() => {});
  }
}

async function drainProcess([command, ...args]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.resume();
  await once(child, 'close');
}

/** The growth of RSS in MiB while `work` runs, sampled every 20 ms. */
async function rssGrowth(work) {
  global.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return (peak - before) / 1024 ** 2;
}
