import type { ErrorCode } from '../base/errors.js';
import { RipcordError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';

/** An entry that was left out, with the reason. `path` is escaped for display. */
export interface Refused {
  path: string;
  reason: string;
}

/** Handling of refused entries. `report` leaves the entry out and lists it; `throw` fails at the first one. */
export type OnRefused = 'report' | 'throw';

/** Maximum number of listed entries: every entry of a hostile archive can be refused. */
const MAX_LISTED = 1000;

/** Collects refused entries, or throws at the first one. Every transfer uses it, so that they behave alike. */
export class RefusedLog {
  readonly listed: Refused[] = [];
  /** Number of refused entries. `listed` stops at 1,000. */
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
