import type { SandboxReceipt } from '../../cleanup/receipt.js';

/** As `isClean()` of the library: nothing is left, or a container that was reset and proven to hold nothing of its task. */
export const isCleanReceipt = ({ container, directory, errors, reuse }: SandboxReceipt): boolean =>
  errors.length === 0 && directory.verifiedAbsent && (container.verifiedAbsent || reuse?.recycled === true);
