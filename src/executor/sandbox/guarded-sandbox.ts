/**
 * Wraps the sandbox of a step: every call is first checked against the scope of the step and gets its signal. A function
 * that ignores its signal, or makes calls after it returned, cannot start any work.
 */
import { InvalidOptionsError } from '../../base/errors.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { Scope } from '../steps/scope.js';
import { type EmitOutput, type OutputMode, tapped } from './output-tap.js';

/** Members that are never refused: closing a sandbox is always allowed. */
const UNCHECKED = new Set<PropertyKey>(['close', Symbol.asyncDispose]);
/** Calls whose output becomes events. Their options are the second argument. */
const TAPPED = new Set<PropertyKey>(['exec', 'runCode']);

interface Tap {
  mode: OutputMode;
  emit: EmitOutput;
}

/** Wraps a sandbox: `under()` gives every call the signal; the proxy checks calls and names the abort in their errors. */
export function guardSandbox(sandbox: Sandbox, scope: Scope, tap: Tap): Sandbox {
  const view = sandbox.under(scope.signal);
  const files = guard(view.files, 'files.', scope);
  const ports = guard(view.ports, 'ports.', scope);
  return guard(view, '', scope, tap, { files, ports });
}

/** Returns a placeholder for runs without sandboxes. Every access throws. */
export function noSandbox(): Sandbox {
  const refuse = () => {
    throw new InvalidOptionsError('This run has no sandboxes: it was made with `sandbox: false`');
  };
  return new Proxy({} as Sandbox, { get: refuse, set: refuse });
}

type Call = (...args: unknown[]) => unknown;

function guard<T extends object>(target: T, prefix: string, scope: Scope, tap?: Tap, instead: Partial<T> = {}): T {
  const calls = new Map<PropertyKey, Call>();
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(instead, name)) return instead[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      // Bind methods to the target: they use private fields, which a proxy does not have.
      if (typeof value !== 'function' || name === 'constructor') return value;
      if (UNCHECKED.has(name)) return value.bind(target);
      let call = calls.get(name);
      if (!call) {
        const bound = value.bind(target) as Call;
        const wrapped = tap && TAPPED.has(name) ? withTap(bound, tap) : bound;
        call = guardCall(wrapped, `${prefix}${String(name)}`, scope, isAsync(value as Call));
        calls.set(name, call);
      }
      return call;
    },
  });
}

const AsyncFunction = (async () => {}).constructor;
const isAsync = (call: Call): boolean => call instanceof AsyncFunction;

/** Wraps a call. If it is refused, an asynchronous call rejects and any other throws. */
function guardCall(call: Call, name: string, scope: Scope, rejects: boolean): Call {
  if (!rejects) {
    return (...args) => {
      scope.check(name);
      return call(...args);
    };
  }
  return async (...args) => {
    scope.check(name);
    try {
      return await call(...args);
    } catch (error) {
      throw scope.explain(error, name);
    }
  };
}

const withTap =
  (call: Call, { mode, emit }: Tap): Call =>
  (command, options) =>
    tapped(mode, emit, options ?? {}, ((withCallbacks: object) => call(command, withCallbacks)) as never);
