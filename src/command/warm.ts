/** Warm interpreters: what one is started with, and which programs may run in a fork of it. docs/internals/warm-interpreters.md */
import type { SpawnRequest } from '../agent/messages.js';
import type { Environment } from './environment.js';

/** Where the agent's volume has what makes an interpreter warm. */
const WARM_DIR = '/.ripcord/warm';

/** Read when an interpreter, its C library or a library it loads starts: a fork has it from what it was forked from. */
const READ_AT_START = /^(PYTHON|LD_|LC_|MALLOC_|GLIBC_|OPENSSL_)|^(PATH|LANG|LANGUAGE|LOCPATH|TZ|TZDIR)$/;
/** Of those, what the creator of a sandbox may set, because the warm interpreter starts with it, too. */
const SHARED = /^(LC_.*|LANG|LANGUAGE|TZ)$/;
/** An image's own settings that do not change where modules are found; `PYTHON_VERSION` and the like are only notes. */
const HARMLESS = /^PYTHON(UNBUFFERED|DONTWRITEBYTECODE|_.*)$/;

export interface WarmSetting {
  /** The image's own part of the sandbox's environment. */
  imageEnv: Readonly<Record<string, string>>;
  /** The variables of its commands without those that the creator of the sandbox set. */
  usualEnv: Environment;
  /** What the creator of the sandbox has set. */
  ownEnv: Readonly<Record<string, string>>;
  user: string;
  readOnlyRoot: boolean;
}

/** Whether the sandbox is one in which a warm interpreter and a fresh one are the same. */
export function canBeWarm(setting: WarmSetting): boolean {
  // The interpreter is root: whatever it loads must be out of reach of every command.
  if (!setting.readOnlyRoot) return false;
  if (Object.keys(setting.ownEnv).some((name) => READ_AT_START.test(name) && !SHARED.test(name))) return false;
  return Object.keys(setting.imageEnv).every((name) => !/^(PYTHON|LD_)/.test(name) || HARMLESS.test(name));
}

/** Whether a call with this environment of its own can run in a fork. */
export function fitsWarm(env: Readonly<Record<string, string>>): boolean {
  return !Object.keys(env).some((name) => READ_AT_START.test(name));
}

export function warmRequest({ usualEnv, ownEnv, user }: WarmSetting): SpawnRequest {
  const { TMPDIR: _, ...usual } = usualEnv;
  const shared = Object.fromEntries(Object.entries(ownEnv).filter(([name]) => SHARED.test(name)));
  return {
    argv: ['python3', `${WARM_DIR}/main.py`],
    flags: 0,
    timeoutMs: 0,
    graceMs: 0,
    drainMs: 0,
    head: 0,
    tail: 0,
    killAtBytes: 0,
    credit: 0,
    cols: 0,
    rows: 0,
    user,
    cwd: '/',
    // No home: what lies in the sandbox user's is not for root. None of the creator's secrets either. A fork
    // inherits these variables, so they are not sent with each program.
    env: {
      ...usual,
      ...shared,
      HOME: '/nonexistent',
      PYTHONPATH: WARM_DIR,
    },
  };
}
