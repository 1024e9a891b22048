/**
 * The sandbox as a step gets it: the same object to look at, but every call is checked against the step's scope first
 * and carries its signal. A function that ignores its signal, or calls on after it returned, can begin nothing.
 */
import { InvalidOptionsError } from '../../base/errors.js';
import type { SandboxFiles } from '../../files/sandbox-files.js';
import type { SandboxPorts } from '../../ports/sandbox-ports.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { Scope } from '../steps/scope.js';
import { type EmitOutput, type OutputMode, tapped } from './output-tap.js';

/** The place of the first parameter that takes a signal. */
type SignalAt<Parameters extends unknown[], Before extends unknown[] = []> = Parameters extends [
  infer First,
  ...infer Rest,
]
  ? 'signal' extends keyof First
    ? Before['length']
    : SignalAt<Rest, [...Before, First]>
  : never;
type Place<Method> = Method extends (...args: infer Given) => unknown ? SignalAt<Required<Given>> : never;
/** Every method of `T` that takes a signal, and where: the compiler asks for a new one. */
type SignalPlaces<T> = { [K in keyof T as [Place<T[K]>] extends [never] ? never : K]: Place<T[K]> };

/** Argument position of the options in each call that takes a signal. Calls that take no signal are only checked. */
const SANDBOX_OPTIONS: SignalPlaces<Sandbox> = {
  exec: 1,
  spawn: 1,
  runCode: 1,
  diff: 0,
  commit: 1,
  prepareCommit: 1,
};
const FILE_OPTIONS: SignalPlaces<SandboxFiles> = {
  read: 1,
  readText: 1,
  readStream: 1,
  readArchive: 1,
  write: 2,
  writeArchive: 2,
  list: 1,
  stat: 1,
  exists: 1,
  makeDir: 1,
  makeDirs: 1,
  remove: 1,
  rename: 2,
  upload: 2,
  uploadTree: 3,
  download: 2,
  downloadTree: 2,
  diff: 0,
  changes: 0,
};
const PORT_OPTIONS: SignalPlaces<SandboxPorts> = { connect: 1, waitFor: 1, fetch: 2, forward: 1 };
/** Ending a sandbox is never refused. */
const FREE = new Set<PropertyKey>(['close', Symbol.asyncDispose]);

interface Tap {
  mode: OutputMode;
  emit: EmitOutput;
}

export function guardSandbox(sandbox: Sandbox, scope: Scope, tap: Tap): Sandbox {
  const files = guard(sandbox.files, 'files.', FILE_OPTIONS, scope, undefined);
  const ports = guard(sandbox.ports, 'ports.', PORT_OPTIONS, scope, undefined);
  return guard(sandbox, '', SANDBOX_OPTIONS, scope, tap, { files, ports });
}

/** What stands in for a sandbox in a run without any. */
export function noSandbox(): Sandbox {
  const refuse = () => {
    throw new InvalidOptionsError('This run has no sandboxes: it was made with `sandbox: false`');
  };
  return new Proxy({} as Sandbox, { get: refuse, set: refuse });
}

type Call = (...args: unknown[]) => unknown;

function guard<T extends object>(
  target: T,
  prefix: string,
  optionsAt: Partial<Record<keyof T, number>>,
  scope: Scope,
  tap: Tap | undefined,
  instead: Partial<T> = {},
): T {
  const calls = new Map<PropertyKey, Call>();
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(instead, name)) return instead[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      // The methods use private fields, which a proxy has not.
      if (typeof value !== 'function' || name === 'constructor') return value;
      if (FREE.has(name)) return value.bind(target);
      let call = calls.get(name);
      if (!call) {
        const at = optionsAt[name as keyof T];
        call = guardCall(value.bind(target) as Call, `${prefix}${String(name)}`, at, scope, tap);
        calls.set(name, call);
      }
      return call;
    },
  });
}

function guardCall(call: Call, name: string, optionsAt: number | undefined, scope: Scope, tap: Tap | undefined): Call {
  if (optionsAt === undefined) {
    return (...args) => {
      scope.check(name);
      return call(...args);
    };
  }
  const tappable = tap && (name === 'exec' || name === 'runCode');
  return async (...args) => {
    scope.check(name);
    const given = (args[optionsAt] ?? {}) as { signal?: AbortSignal };
    const signal = given.signal ? AbortSignal.any([given.signal, scope.signal]) : scope.signal;
    const options = { ...given, signal };
    const run = (withTap: object) => call(...args.slice(0, optionsAt), ...missing(args, optionsAt), withTap);
    try {
      return await (tappable ? tapped(tap.mode, tap.emit, options, run as never) : run(options));
    } catch (error) {
      throw scope.explain(error, name);
    }
  };
}

/** Optional arguments before the options that were not given. */
const missing = (args: unknown[], until: number): undefined[] =>
  Array(Math.max(0, until - args.length)).fill(undefined);
