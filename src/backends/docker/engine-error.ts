/** Converts errors between Ripcord and the engine into errors with a remedy. */
import { type ErrorCode, messageOf, RipcordError } from '../../base/errors.js';

interface ModemError {
  statusCode?: number;
  reason?: string;
  json?: { message?: string };
  code?: string;
}

export const statusOf = (error: unknown): number | undefined => (error as ModemError | null)?.statusCode;

/** Returns the engine's own message, without docker-modem's prefix. */
export function engineMessage(error: unknown): string {
  const message = ((error as ModemError).json?.message ?? messageOf(error)).trim();
  // Shorten it: some messages repeat the whole input.
  const half = MAX_MESSAGE / 2;
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, half)} … ${message.slice(-half)}`;
}

const MAX_MESSAGE = 600;

const UNREACHABLE = ['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'ETIMEDOUT'];
const BROKEN = ['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET'];

/** Returns true if the connection failed before the request can have had an effect. */
export const isUnreachable = (error: unknown): boolean => UNREACHABLE.includes((error as ModemError)?.code ?? '');

/**
 * Returns true if a retry may succeed: the engine is starting, restarting or failing. Only for calls that may be
 * repeated.
 */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  const code = (error as ModemError)?.code ?? '';
  return (status !== undefined && status >= 500) || UNREACHABLE.includes(code) || BROKEN.includes(code);
}

/**
 * Converts an error of dockerode into a RipcordError.
 * @param what the step that failed, as a noun: "creating a container"
 */
export function engineError(error: unknown, what: string, endpoint: string): RipcordError {
  if (error instanceof RipcordError) return error;
  const { code } = error as ModemError;
  const status = statusOf(error);
  if (code === 'EACCES' || code === 'EPERM') {
    return new RipcordError('engine-permission', `This user may not use the container engine at ${endpoint}`, {
      cause: error,
      hint: "Add the user to the engine's group (sudo usermod -aG docker $USER, then log in again), or use a rootless engine.",
    });
  }
  if (isUnreachable(error)) {
    return new RipcordError('engine-unreachable', `No container engine answers at ${endpoint} (${code})`, {
      cause: error,
      hint: 'Is Docker running? Start it (Linux: sudo systemctl start docker; macOS, Windows: Docker Desktop), or point DOCKER_HOST at one that is.',
    });
  }
  if (
    (code && BROKEN.includes(code)) ||
    (error as Error)?.name === 'AbortError' ||
    (error as Error)?.name === 'TimeoutError'
  ) {
    return new RipcordError('engine-lost', `The container engine at ${endpoint} stopped answering while ${what}`, {
      cause: error,
      hint: 'Was it restarted? The next sweep removes leftovers.',
    });
  }
  const message = engineMessage(error);
  return new RipcordError(codeOf(status), `The engine failed at ${what}: ${message}`, {
    cause: error,
    hint: HINTS.find(({ about }) => about.test(message))?.hint,
    details: status === undefined ? {} : { status },
  });
}

/** Hints for messages of engines that do not name a remedy. */
const HINTS: readonly { about: RegExp; hint: string }[] = [
  {
    about: /opening seccomp profile failed/,
    hint: 'This is Podman, which takes a seccomp profile by its path only. Ripcord needs a Docker engine: see docs/setup.md.',
  },
  {
    about: /seccomp/i,
    hint: 'Sandboxes run behind a seccomp profile of their own and never without. The engine and its kernel must have seccomp (CONFIG_SECCOMP_FILTER); `ripcord doctor` shows more.',
  },
];

const codeOf = (status: number | undefined): ErrorCode => (status === 400 ? 'create-failed' : 'engine-error');
