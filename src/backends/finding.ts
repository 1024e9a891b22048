export type Status = 'ok' | 'warn' | 'fail';
export type Area = 'engine' | 'limits' | 'isolation' | 'ripcord' | 'probe';

/** Result of one check of the doctor. */
export interface Finding {
  /** Stable id, for programs: `engine.version`, `probe.capabilities` … */
  id: string;
  area: Area;
  status: Status;
  /** Result in one sentence. */
  message: string;
  /** Remedy, if the status is not `ok`. */
  fix?: string;
}

const ORDER: readonly Status[] = ['ok', 'warn', 'fail'];

/** Returns the worst status of the findings. */
export function worst(findings: readonly Finding[]): Status {
  return findings.reduce<Status>(
    (status, finding) => (ORDER.indexOf(finding.status) > ORDER.indexOf(status) ? finding.status : status),
    'ok',
  );
}

/** Returns a finding that is `ok` if `good` is true, else `otherwise`. */
export function check(
  id: string,
  good: boolean,
  texts: { ok: string; bad: string; fix?: string; otherwise?: 'warn' | 'fail' },
): Finding {
  const area = id.slice(0, id.indexOf('.')) as Area;
  if (good) return { id, area, status: 'ok', message: texts.ok };
  return { id, area, status: texts.otherwise ?? 'fail', message: texts.bad, fix: texts.fix };
}
