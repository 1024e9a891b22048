import type { EntryKind, ManifestEntry } from '../workspace/manifest.js';
import type { Found, Identity } from './identity.js';

/**
 * What one system call, or two that cannot be told apart afterwards, do to the target. A file that becomes a directory
 * takes two steps.
 */
export type StepKind = 'remove' | 'remove-directory' | 'make-directory' | 'place' | 'replace' | 'set-mode';

export interface Step {
  /** Names the staged entry and the backup. */
  n: number;
  step: StepKind;
  path: string;
  /** What is there now; not for `make-directory` and `place`. */
  found?: Found;
  /** What is to be there; not for `remove` and `remove-directory`. */
  after?: ManifestEntry;
  /** Permissions to set, exactly; else those of `after`, less the umask. */
  mode?: number;
  /** Who is to own what is new, where that is not this process. */
  owner?: { uid: number; gid: number };
}

/** What an undo after a crash needs to know of a step. */
export interface StoredStep {
  n: number;
  step: StepKind;
  path: string;
  /** What was written, to tell it from what others wrote since. */
  written?: { kind: EntryKind; sha256?: string; linkTarget?: string; identity?: StoredIdentity };
  oldMode?: number;
}

export interface StoredIdentity {
  ino: string;
  size: string;
  mtimeNs: string;
}

export const storeIdentity = ({ ino, size, mtimeNs }: Identity): StoredIdentity => ({
  ino: String(ino),
  size: String(size),
  mtimeNs: String(mtimeNs),
});

/**
 * The order steps are taken in; undone in reverse. What is removed makes room first, directories exist before what goes
 * into them, permissions that could forbid all that come last.
 */
export const PHASES: readonly { steps: readonly StepKind[]; order: 'any' | 'inner-first' | 'outer-first' }[] = [
  { steps: ['remove'], order: 'any' },
  { steps: ['remove-directory'], order: 'inner-first' },
  { steps: ['make-directory'], order: 'outer-first' },
  { steps: ['place', 'replace'], order: 'any' },
  { steps: ['set-mode'], order: 'inner-first' },
];
