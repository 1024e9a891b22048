import type { EntryKind, ManifestEntry } from '../workspace/manifest.js';
import type { Found, Identity } from './identity.js';

/**
 * A change to the target made by one system call, or by two that cannot be distinguished afterwards. A file that
 * becomes a directory takes two steps.
 */
export type StepKind = 'remove' | 'remove-directory' | 'make-directory' | 'place' | 'replace' | 'set-mode';

export interface Step {
  /** Number of the step: names its staged entry (`new/<n>`) and its backup (`old/<n>`). */
  n: number;
  step: StepKind;
  path: string;
  /** The entry on the host now. Not set for `make-directory` and `place`. */
  found?: Found;
  /** The entry to write. Not set for `remove` and `remove-directory`. */
  after?: ManifestEntry;
  /** Exact permissions to set. Default: those of `after`, less the umask. */
  mode?: number;
  /** Owner of the new entry, if that is not this process. */
  owner?: { uid: number; gid: number };
}

/** The part of a step that an undo after a crash needs. */
export interface StoredStep {
  n: number;
  step: StepKind;
  path: string;
  /** Describes the written entry, so that an undo can detect later changes by others. */
  written?: { kind: EntryKind; sha256?: string; linkTarget?: string; identity?: StoredIdentity };
  oldMode?: number;
}

interface StoredIdentity {
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
 * The order of the steps; an undo reverses it. Removals come first because they make room. Directories exist before
 * their entries. Permissions that could forbid any of this come last.
 */
export const PHASES: readonly { steps: readonly StepKind[]; order: 'any' | 'inner-first' | 'outer-first' }[] = [
  { steps: ['remove'], order: 'any' },
  { steps: ['remove-directory'], order: 'inner-first' },
  { steps: ['make-directory'], order: 'outer-first' },
  { steps: ['place', 'replace'], order: 'any' },
  { steps: ['set-mode'], order: 'inner-first' },
];
