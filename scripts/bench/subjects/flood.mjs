/** How late timers of this process are while several sandboxes flood it. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export const title = 'Event-loop delay while four sandboxes flood their callbacks';

const SANDBOXES = 4;
const RESOLUTION_MS = 5;

export async function run({ context, report, quick }) {
  const manager = await context.openManager();
  const sandboxes = await Promise.all(Array.from({ length: SANDBOXES }, () => manager.create({ image: 'python' })));
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const stop = new AbortController();
  let bytes = 0;
  const floods = sandboxes.map((sandbox) =>
    sandbox.exec('yes ripcord', {
      encoding: 'buffer',
      signal: stop.signal,
      onStdout: (chunk) => void (bytes += chunk.length),
    }),
  );
  const seconds = quick ? 5 : 20;
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  delay.disable();
  stop.abort();
  const ended = await Promise.allSettled(floods);
  const odd = ended.find(({ reason }) => reason?.name !== 'TaskAbortedError');
  if (odd) throw new Error(`a flood ended by itself: ${odd.reason?.message ?? odd.value?.outcome}`);
  // The histogram has the intervals of a timer; what is over its period is the delay.
  const over = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  const [p50, p99] = [50, 99].map((q) => over(delay.percentile(q)));
  report.note(
    `${(bytes / 1e6 / seconds).toFixed(0)} MB/s into callbacks for ${seconds} s; delay p50 ${p50.toFixed(1)} ms, ` +
      `p99 ${p99.toFixed(1)} ms, max ${over(delay.max).toFixed(1)} ms (n = ${delay.count})`,
  );
  report.check('event-loop delay, p99', p99, '<=', 20, ' ms');
  report.headline('event-loop delay while four sandboxes flood it', `p99 ${p99.toFixed(1)} ms`, '');
}
