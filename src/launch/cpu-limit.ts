/** Checks `limits.cpus` early: the engine reports too many CPUs only when a container is created. */
import { InvalidOptionsError } from '../base/errors.js';

/**
 * Checks that the engine's machine has as many CPUs as requested.
 * @param there number of CPUs of the engine's machine; 0 if unknown
 * @throws InvalidOptionsError
 */
export function checkCpus(what: string, cpus: number, there: number): void {
  if (there <= 0 || cpus <= there) return;
  throw new InvalidOptionsError(
    `${what}: limits.cpus: ${cpus} is more than the engine's machine has, which is ${there}`,
    { details: { cpus, there } },
  );
}
