import type { Change } from '../workspace/diff.js';

/** A change of a commit. */
export interface CommitChange extends Change {
  /** True if the content before or after the change is binary. */
  binary: boolean;
}
