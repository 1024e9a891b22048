import type { SandboxReceipt } from '../../cleanup/receipt.js';

/** Returns true if nothing is left, or only a container that was reset and verified, as `isClean()` of the library does. */
export const isCleanReceipt = ({ container, directory, errors, reuse }: SandboxReceipt): boolean =>
  errors.length === 0 && directory.verifiedAbsent && (container.verifiedAbsent || reuse?.recycled === true);
