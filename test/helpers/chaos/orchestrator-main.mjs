/**
 * An application that uses Ripcord, to be mistreated: run as a process of its own by the chaos tests. It is told what to
 * do by a plan (argv[2]) and by lines on its stdin, and says what happens in JSON lines on its stdout, each written
 * before the next thing is done, so that nothing is lost when it is killed.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { RipcordError, SandboxManager } from 'ripcord-sandbox';
import { doom, UNTIL } from './doom.mjs';

/** @type {import('./orchestrator.js').Plan & { token: string }} */
const plan = JSON.parse(process.argv[2] ?? '{}');

function say(event, more = {}) {
  writeSync(1, `${JSON.stringify({ event, at: Date.now(), ...more })}\n`);
}

const told = (error) => ({
  code: error instanceof RipcordError ? error.code : undefined,
  name: error?.name,
  message: String(error?.message ?? error),
});

/** Deaf to every polite signal, in sessions of its own, twice forked. */
const STUBBORN = `
trap '' TERM INT HUP QUIT
setsid sh -c "trap '' TERM INT HUP QUIT; setsid sh -c 'while :; do sleep 1; done' & while :; do sleep 1; done" &
echo ready
while :; do sleep 1; done`;

async function* endless() {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (;;) yield chunk;
}

/** Kinds of work for a sandbox. Each resolves, once it is really under way, to the promise of its end. */
const WORK = {
  idle: async () => undefined,
  sleep: (sandbox) => running(sandbox, ['sleep', '100000']),
  loop: (sandbox) => running(sandbox, 'while :; do :; done'),
  // Crosses the engine, as fast as it is read.
  flood: (sandbox) => running(sandbox, ['yes']),
  // Dropped inside.
  spill: async (sandbox) => ({ end: sandbox.exec(['yes']) }),
  // The output is not read: the command waits for credit.
  unread: (sandbox) => running(sandbox, ['yes'], { read: false }),
  disk: (sandbox) => running(sandbox, 'while :; do head -c 20000000 /dev/zero > big; done'),
  stdin: async (sandbox) => ({ end: sandbox.exec('cat > /dev/null', { stdin: endless() }) }),
  stubborn: (sandbox) => running(sandbox, STUBBORN, { until: 'ready' }),
  // The rejection is not caught, as in many programs.
  uncaught: async (sandbox) => {
    void sandbox.exec(['sleep', '100000']).then(() => {});
    await sandbox.exec('true');
  },
};

async function running(sandbox, command, { read = true, until } = {}) {
  const handle = await sandbox.spawn(command, { stdin: 'ignore' });
  if (until) {
    await new Promise((resolve) => {
      let text = '';
      handle.stdout.on('data', (chunk) => {
        text += chunk;
        if (text.includes(until)) resolve();
      });
    });
  }
  if (read) handle.stdout.resume();
  handle.stderr.resume();
  return { end: handle.wait(), handle };
}

let made = 0;

async function createOne(manager) {
  const index = made++;
  const options = { ...plan.create };
  // Every other one has files of its own on the host.
  if (plan.seed && index % 2 === 0) options.workspace = { mode: 'copy', seed: plan.seed };
  const startedAt = performance.now();
  const sandbox = await manager.create(options);
  say('created', { sandbox: sandbox.id, index, ms: Math.round(performance.now() - startedAt) });
  return sandbox;
}

async function occupy(sandbox, kind) {
  const work = await WORK[kind](sandbox);
  say('working', { sandbox: sandbox.id, kind });
  work?.end.then(
    ({ outcome, hint }) => say('outcome', { sandbox: sandbox.id, kind, outcome, hint }),
    (error) => say('outcome', { sandbox: sandbox.id, kind, error: told(error), hint: error?.partial?.hint }),
  );
}

/** Creates, uses and closes for ever, several at a time: whatever instant it is killed at, something is half done. */
async function churn(manager) {
  for (;;) {
    say('creating');
    const sandbox = await createOne(manager);
    await sandbox.exec('echo hello');
    await sandbox.files.write('a/b', 'c'.repeat(100_000));
    await sandbox.close();
    say('closed-one');
  }
}

/** Works until the point at which it is to end; if it was only stopped there, it works on and reports what it meets. */
async function meetDoom(manager) {
  const reached = doom(plan.doom, say);
  try {
    const sandbox = await createOne(manager);
    await UNTIL[plan.doom.at]?.(sandbox, reached, WORK.stubborn);
    say('survived');
  } catch (error) {
    say('survived', { error: told(error) });
  }
}

async function run() {
  say('begun', { pid: process.pid });
  if (plan.handles) process.on(plan.handles, () => say('handled', { message: plan.handles }));
  const logger = { debug() {}, info() {}, warn: log, error: log };
  const manager = await SandboxManager.open({
    docker: plan.docker,
    stateDir: plan.stateDir,
    sweep: plan.sweep ?? true,
    handleSignals: plan.handleSignals ?? true,
    pool: plan.pool,
    logger,
    defaults: { image: plan.image ?? 'base', labels: { 'chaos.token': plan.token } },
  });
  manager.on('event', (event) => {
    if (event.type === 'sandbox.lost') say('lost', { sandbox: event.sandbox, reason: event.reason });
    if (event.type === 'sandbox.closed') {
      say('sandbox-closed', { sandbox: event.sandbox, receipt: event.receipt });
      if (plan.signalWhenClosing) process.kill(process.pid, plan.signalWhenClosing);
      plan.signalWhenClosing = undefined;
    }
    if (event.type === 'swept') say('swept', { report: event.report });
  });
  if (plan.pool) await manager.poolFilled();
  say('opened', { instance: manager.instance });
  listen(manager);
  if (plan.doom) {
    await meetDoom(manager);
    return;
  }
  if (plan.churn) {
    await Promise.all(Array.from({ length: plan.churn }, () => churn(manager)));
    return;
  }
  const kinds = plan.work ?? ['idle'];
  const count = plan.sandboxes ?? kinds.length;
  const sandboxes = [];
  const worker = async () => {
    while (made < count) sandboxes.push(await createOne(manager));
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  say('ready', { sandboxes: sandboxes.length });
  await Promise.all(sandboxes.map((sandbox, i) => occupy(sandbox, kinds[i % kinds.length])));
  say('busy');
}

function log(fields, message) {
  say('log', { message, fields });
}

/** One order a line: a word and its argument. */
function listen(manager) {
  const lines = createInterface({ input: process.stdin });
  const orders = {
    throw: () =>
      setTimeout(() => {
        throw new Error('an exception nobody catches');
      }),
    reject: () => void Promise.reject(new Error('a rejection nobody handles')),
    exit: (code) => process.exit(Number(code)),
    abort: () => process.abort(),
    // The application has nothing left to do and returns without having closed anything.
    finish: (code) => {
      process.exitCode = Number(code);
      lines.removeAllListeners('close');
      lines.close();
      process.stdin.destroy();
    },
    close: async () => {
      const startedAt = performance.now();
      const receipt = await manager.close();
      say('closed', { receipt, ms: Math.round(performance.now() - startedAt) });
    },
    create: async () => {
      const startedAt = performance.now();
      try {
        const sandbox = await createOne(manager);
        const { stdout } = await sandbox.exec('echo it works');
        say('create-works', { sandbox: sandbox.id, stdout });
      } catch (error) {
        say('create-failed', { error: told(error), ms: Math.round(performance.now() - startedAt) });
      }
    },
    exec: async (id) => {
      try {
        const { outcome, stdout } = await manager.get(id).exec('echo it works');
        say('executed', { sandbox: id, outcome, stdout });
      } catch (error) {
        say('executed', { sandbox: id, error: told(error) });
      }
    },
    sweep: async () => {
      const report = await SandboxManager.sweep({ docker: plan.docker, stateDir: plan.stateDir });
      say('swept-now', { report });
    },
  };
  lines.on('line', (line) => {
    const [word, argument] = line.split(' ');
    say('order', { word });
    void orders[word]?.(argument);
  });
  // The tests are gone: so is this.
  lines.on('close', () => process.exit(99));
}

try {
  await run();
} catch (error) {
  say('failed', { error: told(error) });
  process.exitCode = 70;
  process.stdin.destroy();
}
