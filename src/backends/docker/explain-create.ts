import { RipcordError } from '../../base/errors.js';
import type { ContainerSpec } from '../backend.js';
import { engineMessage, isUnreachable, statusOf } from './engine-error.js';

/** Converts refusals of a create or start that a caller can resolve. */
export function explainCreate(error: RipcordError, spec: ContainerSpec): RipcordError {
  const cause = error.cause;
  if (cause === undefined || isUnreachable(cause)) return error;
  const message = engineMessage(cause);
  if (/unknown or invalid runtime|unknown runtime|invalid runtime/i.test(message)) {
    return new RipcordError('runtime-not-found', `The engine has no runtime '${spec.runtime}'`, {
      cause,
      hint: 'Install it and name it in the "runtimes" of the engine\'s daemon.json. `ripcord doctor` lists those it has.',
    });
  }
  if (/no such file or directory|exec format error/i.test(message) && /agent/.test(message)) {
    return new RipcordError('agent-missing', `The agent could not be started: ${message}`, { cause });
  }
  if (spec.userFiles && Object.values(spec.userFiles).some((path) => message.includes(path))) {
    const details = { withoutUserFiles: true };
    return new RipcordError('create-failed', `The engine cannot mount ${message}`, { cause, details });
  }
  if (/sysctl|\/proc\/sys\/net/i.test(message)) {
    const details = { withoutSysctls: true };
    return new RipcordError('create-failed', `The runtime sets no sizes of socket buffers: ${message}`, {
      cause,
      details,
    });
  }
  if (/requested CPUs are not available/i.test(message)) {
    return new RipcordError('create-failed', `The engine does not have the CPUs ${spec.cpuset}: ${message}`, {
      cause,
      hint: "Name others in limits.cpuset, e.g. '4-7', or leave it out.",
    });
  }
  if (/no such image/i.test(message)) {
    return new RipcordError('image-not-found', `The image '${spec.image.reference}' was removed meanwhile`, { cause });
  }
  return statusOf(cause) === undefined
    ? error
    : new RipcordError('create-failed', error.message, { cause, details: error.details });
}
