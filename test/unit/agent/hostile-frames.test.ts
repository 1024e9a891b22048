/** The host's end of the pipe, told anything at all: an error with a name ends that pipe, and nothing grows. */
import { expect, test } from 'vitest';
import { encodeFrame } from '../../../src/agent/frame.js';
import { Receive } from '../../../src/agent/messages.js';
import type { StreamHandlers } from '../../../src/agent/stream.js';
import { RipcordError } from '../../../src/base/errors.js';
import { randomFrom, scaled } from '../../helpers/chaos/measure.js';
import { greetedClient } from '../../helpers/fake-pipe.js';
import { collectGarbage } from '../../helpers/retained.js';

const FRAMES = scaled(100_000, 10_000_000);
const SEED = Number(process.env.RIPCORD_CHAOS_SEED) || Date.now() % 1_000_000;
const GROWTH_BYTES = 32 * 1024 ** 2;
const {
  ACCEPTED,
  LISTENING,
  OUTPUT_EOF,
  OUTPUT_GAP,
  PONG,
  STARTED,
  STATS,
  STDERR,
  STDIN_CLOSED,
  STDIN_CREDIT,
  STDOUT,
} = Receive;
/** Those that a pipe may survive, whatever is in them. */
const CONTROL = [PONG, STATS, LISTENING];
const OF_STREAM = [STARTED, STDOUT, STDERR, OUTPUT_EOF, OUTPUT_GAP, STDIN_CREDIT, STDIN_CLOSED];
const TYPES = Object.values(Receive);
const quiet: StreamHandlers = { started() {}, output() {}, gap() {}, eof() {}, exit() {}, lost() {} };

/** A client that has been greeted, has commands running and lets the agent open streams. */
function greeted() {
  const { client, pipe } = greetedClient();
  const request = {
    argv: ['x'],
    flags: 0,
    timeoutMs: 0,
    graceMs: 0,
    drainMs: 0,
    head: undefined,
    tail: 0,
    killAtBytes: 0,
  };
  for (let i = 0; i < 3; i++) {
    client.open({ ...request, credit: 100_000, cols: 0, rows: 0, user: '', cwd: '', env: {} }, quiet);
  }
  client.listen(4, () => quiet).catch(() => {});
  client.ping().catch(() => {});
  client.stats().catch(() => {});
  return { client, pipe };
}

/** Mostly frames that could be meant, so that a pipe lives to see more of them; payloads that make no sense. */
function frame(random: () => number): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  let stream = random() < 0.3 ? 0 : 1 + 2 * below(3);
  let type: number = stream === 0 ? CONTROL[below(CONTROL.length)]! : OF_STREAM[below(OF_STREAM.length)]!;
  if (random() < 0.03) type = random() < 0.8 ? TYPES[below(TYPES.length)]! : below(256);
  if (random() < 0.03) stream = type === ACCEPTED ? 2 * below(4) : below(2 ** 32);
  // The longest that has fields is EXIT, of 68 bytes.
  const length = random() < 0.98 ? 44 + below(40) : below(random() < 0.1 ? 2000 : 44);
  const payload = Buffer.alloc(length, 1 + below(2));
  for (let at = 1; at < length; at += 5) payload[at] = below(256);
  const bytes = encodeFrame(stream, type, payload);
  if (random() < 0.02) bytes[below(9)] = below(256);
  return bytes;
}

test(
  `${FRAMES.toLocaleString('en')} frames that an agent should not send`,
  async () => {
    console.log(`hostile frames: seed ${SEED}`);
    const random = randomFrom(SEED);
    let { client, pipe } = greeted();
    let pipes = 1;
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    let peak = before;
    for (let sent = 0; sent < FRAMES; sent++) {
      const bytes = frame(random);
      const cut = random() < 0.2 ? Math.floor(random() * bytes.length) : 0;
      // It must not throw, whatever bytes arrive.
      if (cut > 0) pipe.handlers.data(bytes.subarray(0, cut));
      pipe.handlers.data(bytes.subarray(cut));
      if (client.isEnded) {
        const { bye, cause } = await client.ended;
        if (cause !== undefined || bye === undefined) expect(cause).toBeInstanceOf(RipcordError);
        ({ client, pipe } = greeted());
        pipes++;
      }
      if (sent % 100_000 === 0) {
        collectGarbage();
        peak = Math.max(peak, process.memoryUsage().heapUsed);
      }
    }
    collectGarbage();
    peak = Math.max(peak, process.memoryUsage().heapUsed);
    expect(pipes).toBeGreaterThan(FRAMES / 200);
    expect(peak - before).toBeLessThan(GROWTH_BYTES);
    console.log(
      `hostile frames: ${FRAMES} frames on ${pipes} pipes, heap ${Math.round((peak - before) / 1024)} KiB more`,
    );
  },
  scaled(60_000, 1_800_000),
);
