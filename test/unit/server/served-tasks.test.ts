/** Tasks whose functions return and log what is not JSON: they end, and give their places back. */
import { expect, it } from 'vitest';
import { toJson } from '../../../src/executor/describe.js';
import { callersSchema, patienceSchema } from '../../../src/server/options.js';
import { Ownership } from '../../../src/server/ownership.js';
import { type RegisteredSpec, ServedTasks } from '../../../src/server/served-tasks.js';
import { noManager } from '../executor/loops.js';

const principal = { name: 'somebody', operator: false };

function serve(options: Partial<RegisteredSpec['options']>, observe: (event: object) => void = () => {}) {
  const spec = {
    task: 'task',
    options: { sandbox: false, maxIterations: 1, propose: () => 1n, verify: () => ({ passed: true }), ...options },
  } as RegisteredSpec;
  const policy = callersSchema.parse({ maxTasks: 1 });
  return new ServedTasks(
    noManager,
    new Ownership(),
    { spec },
    { policy, patience: patienceSchema.parse({}), approve: false },
    (_, event) => observe(event),
  );
}

it('a proposal without JSON and a cycle in the log are told as text', async () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const tasks = serve({
    propose: ({ log }) => {
      log('a cycle', cycle);
      return 1n;
    },
  });
  const task = tasks.start(principal, { spec: 'spec' });
  expect((await task.end).type).toBe('completed');
  let told = '';
  for await (const entry of task.journal.read(0, new AbortController().signal)) told += toJson(entry);
  expect(told).toContain('[circular]');
  expect(told).toContain('\\"proposal\\":\\"1n\\"');
  expect(tasks.running).toBe(0);
  // The one place is free again.
  expect((await tasks.start(principal, { spec: 'spec' }).end).type).toBe('completed');
});

it('a task whose events cannot be told ends all the same', async () => {
  const tasks = serve({}, () => {
    throw new Error('nobody to tell');
  });
  expect((await tasks.start(principal, { spec: 'spec' }).end).type).toBe('completed');
  expect(tasks.running).toBe(0);
});
