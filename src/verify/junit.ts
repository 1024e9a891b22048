/** Test cases out of a JUnit report. */
import { XMLParser } from 'fast-xml-parser';
import type { TestCase } from './test-report.js';

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  textNodeName: 'text',
  parseAttributeValue: false,
  parseTagValue: false,
  processEntities: true,
  // Numbered ones too: pytest writes a newline as &#10;.
  htmlEntities: true,
  isArray: (name) => ['testsuite', 'testcase', 'failure', 'error', 'skipped'].includes(name),
});

interface Result {
  message?: string;
  text?: string;
}
interface Case {
  name?: string;
  classname?: string;
  time?: string;
  failure?: Result[];
  error?: Result[];
  skipped?: Result[];
}
interface Suite {
  testsuite?: Suite[];
  testcase?: Case[];
}

/** @throws Error when `xml` is no JUnit report. */
export function parseJUnit(xml: string): TestCase[] {
  // The processor resolves no external entity, and nothing needs one declared.
  if (/<!DOCTYPE|<!ENTITY/i.test(xml)) throw new Error('a report must not declare entities');
  const root = parser.parse(xml, true) as { testsuites?: Suite | string; testsuite?: Suite[] };
  const top = root.testsuites ?? root;
  if (typeof top !== 'object' || (root.testsuites === undefined && root.testsuite === undefined)) {
    throw new Error('no <testsuites> or <testsuite> in it');
  }
  const cases: TestCase[] = [];
  const pending: Suite[] = [top];
  for (let suite = pending.pop(); suite; suite = pending.pop()) {
    if (typeof suite !== 'object') continue;
    pending.push(...(suite.testsuite ?? []));
    for (const found of suite.testcase ?? []) cases.push(toCase(found));
  }
  return cases;
}

function toCase(found: Case): TestCase {
  const result = found.failure?.[0] ?? found.error?.[0] ?? found.skipped?.[0];
  const said = typeof result === 'string' ? result : explanation(result);
  const seconds = Number(found.time);
  return {
    name: [found.classname, found.name].filter(Boolean).join('.'),
    status: found.failure ? 'failed' : found.error ? 'error' : found.skipped ? 'skipped' : 'passed',
    message: said.slice(0, 4000),
    durationMs: Number.isFinite(seconds) ? seconds * 1000 : 0,
  };
}

/** pytest's summary of an import that failed says nothing; the last line of its text does. */
function explanation({ message, text }: Result = {}): string {
  if (message !== undefined && message !== 'collection failure') return message;
  const last = text?.trimEnd().split('\n').at(-1)?.replace(/^E +/, '');
  return last || (message ?? '');
}
