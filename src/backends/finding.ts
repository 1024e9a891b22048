export type Status = 'ok' | 'warn' | 'fail';
export type Area = 'engine' | 'limits' | 'isolation' | 'ripcord' | 'probe';

/** One thing that was looked at. */
export interface Finding {
  /** Stable, for programs: `engine.version`, `probe.capabilities` … */
  id: string;
  area: Area;
  status: Status;
  /** What was found, in one sentence. */
  message: string;
  /** What to do about it, where it is not good. */
  fix?: string;
}

const ORDER: readonly Status[] = ['ok', 'warn', 'fail'];

/** The worst status among them. */
export function worst(findings: readonly Finding[]): Status {
  return findings.reduce<Status>(
    (status, finding) => (ORDER.indexOf(finding.status) > ORDER.indexOf(status) ? finding.status : status),
    'ok',
  );
}

/** A finding that is `ok` where `good` holds, else `otherwise`. */
export function check(
  id: string,
  good: boolean,
  texts: { ok: string; bad: string; fix?: string; otherwise?: 'warn' | 'fail' },
): Finding {
  const area = id.slice(0, id.indexOf('.')) as Area;
  if (good) return { id, area, status: 'ok', message: texts.ok };
  return { id, area, status: texts.otherwise ?? 'fail', message: texts.bad, fix: texts.fix };
}
