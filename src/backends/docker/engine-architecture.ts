import { type Architecture, architectureOf } from '../../base/architecture.js';
import { RipcordError } from '../../base/errors.js';

/**
 * Returns the processor of an engine from its answer to `GET /version`.
 * @throws RipcordError `engine-error` if sandboxes cannot run there
 */
export function engineArchitecture({ Os, Arch }: { Os: string; Arch: string }): Architecture {
  const architecture = architectureOf(Arch);
  if (Os === 'linux' && architecture) return architecture;
  throw new RipcordError('engine-error', `The engine runs ${Os}/${Arch}; linux on amd64 or arm64 is needed`);
}
