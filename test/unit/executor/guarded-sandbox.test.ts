/** Every call of a step gets the step's signal, whatever its arguments are, and is refused once the step is over. */
import { expect, test } from 'vitest';
import { SandboxLostError, TaskAbortedError } from '../../../src/base/errors.js';
import type { CommandHandle } from '../../../src/command/command-handle.js';
import { guardSandbox } from '../../../src/executor/sandbox/guarded-sandbox.js';
import { Scope } from '../../../src/executor/steps/scope.js';
import { SandboxFiles } from '../../../src/files/sandbox-files.js';
import { statusOf } from '../../../src/http/error-status.js';
import { type PortForward, SandboxPorts } from '../../../src/ports/sandbox-ports.js';
import { Sandbox } from '../../../src/sandbox/sandbox.js';

type Part = 'sandbox' | 'files' | 'ports';
type Arguments = Record<string, unknown[]>;

/** The arguments of each call that begins something. A call that is new needs a line here. */
const CALLS: Record<Part, Arguments> = {
  sandbox: {
    exec: ['true'],
    spawn: ['true'],
    runCode: ['1'],
    diff: [],
    commit: ['/nowhere/target'],
    prepareCommit: ['/nowhere/target'],
  },
  files: {
    read: ['path'],
    readText: ['path'],
    readStream: ['path'],
    readArchive: [],
    write: ['path', 'text'],
    writeArchive: ['.', new Uint8Array()],
    list: [],
    stat: ['path'],
    exists: ['path'],
    makeDir: ['path'],
    makeDirs: [['path']],
    remove: ['path'],
    rename: ['from', 'to'],
    upload: [import.meta.filename],
    uploadTree: ['/nowhere', new Map(), '.', {}],
    download: ['path', '/nowhere'],
    downloadTree: ['path', '/nowhere'],
    diff: [],
    changes: [],
  },
  ports: { connect: [80], waitFor: [80], fetch: [80], forward: [80] },
};

/** The public methods that take no signal, or that are the library's own. */
const OTHERS: Record<Part, string[]> = {
  sandbox: ['warmUp', 'stats', 'extend', 'attempts', 'under', 'release', 'condemn', 'pipeEnded', 'close'],
  files: ['through'],
  ports: ['under'],
};

/** A stream of an agent that answers nothing but a kill: then its pipe breaks. */
const silentStream = (lost: () => void) => ({
  finished: false,
  kill() {
    if (!this.finished) queueMicrotask(lost);
    this.finished = true;
  },
  writeStdin: () => new Promise(() => {}),
  endStdin: () => {},
  grant: () => {},
  detach: () => {},
});

/** A sandbox whose agent answers no command. */
function silentSandbox(): Sandbox {
  const client = {
    isEnded: false,
    ready: Promise.resolve({ capabilities: {} }),
    open: (_request: unknown, { lost }: { lost: () => void }) => silentStream(lost),
  };
  const parts = {
    id: 's',
    createdAt: new Date(),
    ready: { capabilities: {} },
    client,
    maxSockets: 0,
    user: '1000',
    image: { env: {}, ours: 'python' },
    begins: { env: { HOME: '/home/sandbox' }, warm: {} },
  };
  const options = {
    image: 'python',
    lifetimeMs: 1000,
    limits: { pids: 256, memory: 2 ** 29 },
    workspace: { mode: 'copy' },
    cwd: '/workspace',
  };
  const explainLoss = () => Promise.reject(new SandboxLostError('the pipe broke'));
  return new Sandbox({ parts, explainLoss } as never, options as never, { emit: () => {} } as never);
}

const partOf = (sandbox: Sandbox, part: Part) =>
  (part === 'sandbox' ? sandbox : sandbox[part]) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
const guarded = (scope: Scope) => guardSandbox(silentSandbox(), scope, { mode: 'none', emit: () => {} });
const cases = Object.entries(CALLS).flatMap(([part, calls]) =>
  Object.entries(calls).map(([name, args]) => [part as Part, name, args] as const),
);

test.each([
  ['sandbox', Sandbox],
  ['files', SandboxFiles],
  ['ports', SandboxPorts],
] as const)('the lists here have every method of %s', (part, type) => {
  const methods = Object.entries(Object.getOwnPropertyDescriptors(type.prototype))
    .filter(([name, { value }]) => typeof value === 'function' && name !== 'constructor')
    .map(([name]) => name);
  expect(methods.sort()).toEqual([...Object.keys(CALLS[part]), ...OTHERS[part]].sort());
});

/** The handle of a command resolves to the command's end, and that of a forwarded port to its closing. */
async function endOf(answer: unknown): Promise<unknown> {
  const { wait, url } = answer as Partial<CommandHandle & PortForward>;
  if (wait) return wait.call(answer as CommandHandle);
  if (url !== undefined)
    await fetch(url).catch((error: unknown) => Promise.reject(new TaskAbortedError(String(error))));
  return answer;
}

test.each(cases)('%s.%s ends with the signal of its step', async (part, name, args) => {
  const scope = new Scope('verify');
  const ended = partOf(guarded(scope), part)[name]!(...args).then(
    (answer) => answer,
    (error: unknown) => error,
  );
  const isHandle = name === 'forward';
  const first = isHandle ? await ended : await Promise.race([ended, new Promise((resolve) => setImmediate(resolve))]);
  expect(first === undefined).toBe(!isHandle);
  scope.abort(new Error('enough'));
  const answer = await ended;
  if (answer instanceof Error) expect(answer).toBeInstanceOf(TaskAbortedError);
  else await expect(endOf(answer)).rejects.toBeInstanceOf(TaskAbortedError);
});

test.each(cases)('%s.%s is refused once its step is over', async (part, name, args) => {
  const scope = new Scope('verify');
  const sandbox = guarded(scope);
  scope.end();
  const refused = partOf(sandbox, part)[name]!(...args);
  await expect(refused).rejects.toThrow(`verify is over: ${part === 'sandbox' ? '' : `${part}.`}${name} was refused`);
});

test('the sandbox of a step is a Sandbox, and calls without a signal are refused as well', () => {
  const scope = new Scope('verify');
  const sandbox = guarded(scope);
  expect(sandbox).toBeInstanceOf(Sandbox);
  expect(sandbox.files).toBeInstanceOf(SandboxFiles);
  scope.end();
  expect(() => sandbox.extend(1000)).toThrow('verify is over: extend was refused');
});

test('a commit that did not happen has a status of its own', () => {
  const codes = ['commit-conflict', 'commit-busy', 'commit-blocked', 'workspace-changed', 'commit-plan-invalid'];
  expect(codes.map(statusOf)).toEqual([409, 409, 409, 409, 400]);
  expect(['commit-flagged', 'commit-refused', 'commit-journal-invalid'].map(statusOf)).toEqual([422, 422, 500]);
});
