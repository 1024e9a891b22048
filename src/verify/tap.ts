/** Test cases out of a TAP stream. */
import { Parser } from 'tap-parser';
import type { TestCase } from './test-report.js';

export interface TapResult {
  tests: TestCase[];
  /** The stream as a whole: its plan was kept and nothing bailed out. */
  ok: boolean;
  problem: string | undefined;
}

/** Test points of subtests count one by one, and their parents as the sum of them. */
export function parseTap(text: string): TapResult {
  const tests: TestCase[] = [];
  const visit = (parser: Parser, names: string[]) => {
    const children: string[] = [];
    parser.on('child', (child: Parser) => {
      children.push(child.name);
      visit(child, [...names, child.name]);
    });
    parser.on(
      'assert',
      (point: { ok: boolean; name: string; skip?: unknown; todo?: unknown; diag?: unknown; time?: number }) => {
        if (children.includes(point.name) && point.ok) return;
        tests.push({
          name: [...names, point.name].filter(Boolean).join(' > '),
          status: point.skip || point.todo ? 'skipped' : point.ok ? 'passed' : 'failed',
          message: messageOf(point.diag),
          durationMs: point.time ?? 0,
        });
      },
    );
  };
  let complete: { ok: boolean; bailout?: boolean | string; failures?: { tapError?: unknown }[] } | undefined;
  const parser = new Parser((results) => {
    complete = results as unknown as typeof complete;
  });
  visit(parser, []);
  parser.end(text);
  const error = complete?.failures?.find(({ tapError }) => tapError != null)?.tapError;
  const problem = complete?.bailout
    ? `bailed out: ${String(complete.bailout)}`
    : error == null
      ? undefined
      : `the TAP stream is not right: ${String(error)}`;
  return { tests, ok: complete?.ok === true, problem };
}

function messageOf(diag: unknown): string {
  if (typeof diag !== 'object' || diag === null) return '';
  const { error, message } = diag as { error?: unknown; message?: unknown };
  return String(error ?? message ?? '').slice(0, 4000);
}
