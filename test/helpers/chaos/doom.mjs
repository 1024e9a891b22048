/**
 * A doomed orchestrator: it meets one end (`how`) at one point of a sandbox's life (`at`), to the call. Points of
 * creation and removal are those of the engine's API, seen on this process's own requests.
 */
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';

const CREATE = /^POST [^?]*\/containers\/create/;
const START = /^POST [^?]*\/containers\/[^/]+\/start/;
const ASKED = {
  'image lookup': /^GET [^?]*\/images\/.*\/json/,
  // Its start is asked for right after the answer to the attach, which is an upgrade and has no event of its own.
  attached: START,
  removing: /^DELETE [^?]*\/containers\//,
};
const ANSWERED = { created: CREATE, started: START };

const toMyself = (signal) => process.kill(process.pid, signal);
/** As a terminal does it. */
const toTheGroup = (signal) => process.kill(-process.pid, signal);

/** Ends of a process. Most return, as in life: what was under way goes on until they take effect. */
const ENDS = {
  SIGINT: () => toTheGroup('SIGINT'),
  'SIGINT twice': () => {
    toTheGroup('SIGINT');
    toTheGroup('SIGINT');
  },
  SIGTERM: () => toMyself('SIGTERM'),
  SIGHUP: () => toTheGroup('SIGHUP'),
  uncaughtException: () =>
    process.nextTick(() => {
      throw new Error('an exception nobody catches');
    }),
  unhandledRejection: () => void Promise.reject(new Error('a rejection nobody handles')),
  'process.exit': () => process.exit(7),
  SIGABRT: () => process.abort(),
  SIGKILL: () => toMyself('SIGKILL'),
  /** The kernel's: this process alone is put where there is too little memory. */
  OOM: ({ memory }) => {
    for (const file of memory) appendFileSync(file, String(process.pid));
    const hoard = [];
    for (;;) hoard.push(Buffer.alloc(8 * 1024 * 1024, 1));
  },
  SIGSTOP: () => toMyself('SIGSTOP'),
};

/** @returns a function to be called at each point the orchestrator itself comes to */
export function doom(plan, say) {
  let met = false;
  const reached = (point) => {
    if (met || plan.at !== point) return;
    met = true;
    say('doomed');
    ENDS[plan.how](plan);
  };
  const watch = (channel, points) =>
    subscribe(channel, ({ request }) => {
      for (const [point, call] of Object.entries(points)) {
        if (call.test(`${request.method} ${request.path}`)) reached(point);
      }
    });
  watch('http.client.request.start', ASKED);
  watch('http.client.response.finish', ANSWERED);
  return reached;
}

const CHUNK = Buffer.alloc(64 * 1024, 'x');
const CHUNKS = 64;

/** Steps of a sandbox at which the orchestrator can end. */
export const UNTIL = {
  exec: async (sandbox, reached, stubborn) => {
    await stubborn(sandbox);
    reached('exec');
  },
  write: (sandbox, reached) =>
    sandbox.files.write(
      'made',
      (async function* () {
        for (let chunk = 0; chunk < CHUNKS; chunk++) {
          yield CHUNK;
          if (chunk === CHUNKS / 2) reached('write');
        }
      })(),
    ),
  read: async (sandbox, reached) => {
    await sandbox.files.write('made', Buffer.alloc(CHUNKS * CHUNK.length, 'x'));
    const reading = sandbox.files.read('made');
    // It has been asked for; the first of it is on its way.
    setImmediate(() => reached('read'));
    await reading;
  },
  killing: async (sandbox, reached, stubborn) => {
    const { handle } = await stubborn(sandbox);
    const killing = handle.kill();
    setImmediate(() => reached('killing'));
    await killing;
  },
  removing: (sandbox) => sandbox.close(),
  idle: async (_, reached) => reached('idle'),
};
