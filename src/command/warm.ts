/** Warm interpreters: how one is started, and which programs may run in a fork of it. See docs/internals/warm-interpreters.md. */
import type { SpawnRequest } from '../agent/messages.js';
import type { Environment } from './environment.js';

/** Directory of the warm interpreter's files on the agent's volume. */
const WARM_DIR = '/.ripcord/warm';

/**
 * Variables that an interpreter, its C library or other libraries read at start. A fork inherits their effects, so a
 * request cannot change them.
 */
const READ_AT_START = /^(PYTHON|LD_|LC_|MALLOC_|GLIBC_|OPENSSL_)|^(PATH|LANG|LANGUAGE|LOCPATH|TZ|TZDIR)$/;
/** Exceptions: these may be set in `create({ env })`, because the warm interpreter starts with the same values. */
const SHARED = /^(LC_.*|LANG|LANGUAGE|TZ)$/;
/**
 * Settings of an image that do not change where modules are found. `PYTHON_VERSION` and similar variables have no
 * effect.
 */
const HARMLESS = /^PYTHON(UNBUFFERED|DONTWRITEBYTECODE|_.*)$/;

export interface WarmSetting {
  /** Variables of the image. */
  imageEnv: Readonly<Record<string, string>>;
  /** Variables of the sandbox's commands, without those that its creator set. */
  usualEnv: Environment;
  /** Variables that the creator of the sandbox set. */
  ownEnv: Readonly<Record<string, string>>;
  user: string;
  readOnlyRoot: boolean;
}

/** Returns true if warm and fresh interpreters behave the same in the sandbox. */
export function canBeWarm(setting: WarmSetting): boolean {
  // The interpreter runs as root, so no command may be able to change the files that it loads.
  if (!setting.readOnlyRoot) return false;
  if (Object.keys(setting.ownEnv).some((name) => READ_AT_START.test(name) && !SHARED.test(name))) return false;
  return Object.keys(setting.imageEnv).every((name) => !/^(PYTHON|LD_)/.test(name) || HARMLESS.test(name));
}

/** Returns true if a call with these variables can run in a fork. */
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
    // HOME must not be the sandbox user's, because root must not load files from it. The creator's variables are left
    // out because they may be secrets. A fork inherits these variables, so they are not sent with each program.
    env: {
      ...usual,
      ...shared,
      HOME: '/nonexistent',
      PYTHONPATH: WARM_DIR,
    },
  };
}
