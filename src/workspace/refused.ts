import type { ErrorCode } from '../base/errors.js';
import { RipcordError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';

/** Something that was left out, and why. `path` is escaped for display. */
export interface Refused {
  path: string;
  reason: string;
}

/** `report` leaves the entry out and lists it, `throw` fails at the first one. */
export type OnRefused = 'report' | 'throw';

/** A hostile archive can be refused entry by entry; nobody reads more than this many lines of it. */
const MAX_LISTED = 1000;

/** Collects what is refused, or throws at the first one: every transfer decides that in the same way. */
export class RefusedLog {
  readonly listed: Refused[] = [];
  /** How many there were; `listed` stops at 1,000. */
  total = 0;

  constructor(
    private readonly onRefused: OnRefused,
    private readonly code: ErrorCode,
  ) {}

  add(path: string | Uint8Array, reason: string): void {
    const shown = printable(path);
    if (this.onRefused === 'throw') {
      throw new RipcordError(this.code, `Refused ${shown}: ${reason}`, { details: { path: shown, reason } });
    }
    this.total += 1;
    if (this.listed.length < MAX_LISTED) this.listed.push({ path: shown, reason });
  }
}
