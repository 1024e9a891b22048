/**
 * Parses a JUnit report tag by tag, with turns of the event loop between. The time is bounded by the report's length.
 */
import { WorkMeter } from '../base/work-meter.js';
import type { TestCase } from './test-report.js';

const MAX_TESTS = 100_000;
const MAX_DEPTH = 1000;
const MAX_ATTRIBUTES = 1000;
const MAX_NAME = 1000;
const MAX_MESSAGE = 4000;
/** Maximum number of text parts of one result. */
const MAX_PIECES = 100;

const RESULTS = { failure: 'failed', error: 'error', skipped: 'skipped' } as const;
type ResultTag = keyof typeof RESULTS;
const isResult = (name: string): name is ResultTag => Object.hasOwn(RESULTS, name);
/**
 * Statuses that some runners write as an attribute instead of an element: gtest `status="notrun"`, CTest
 * `status="fail"`.
 */
const STATUSES: Record<string, TestCase['status']> = {
  notrun: 'skipped',
  disabled: 'skipped',
  skipped: 'skipped',
  suppressed: 'skipped',
  fail: 'failed',
  failed: 'failed',
  error: 'error',
};
const WANTED = new Set(['name', 'classname', 'time', 'message', 'status', 'result']);

interface Result {
  message: string | undefined;
  text: string;
  pieces: number;
}
interface Case {
  attributes: Map<string, string>;
  results: Map<ResultTag, Result>;
}

/**
 * Returns the test cases of a report.
 * @throws Error if `xml` is not a JUnit report
 */
export async function parseJUnit(xml: string, meter = new WorkMeter(), signal?: AbortSignal): Promise<TestCase[]> {
  const cases: TestCase[] = [];
  const open: string[] = [];
  let rooted = false;
  let found: Case | undefined;
  let result: Result | undefined;
  const add = (text: string) => {
    if (result && result.pieces++ < MAX_PIECES)
      result.text = (result.text + text.slice(-MAX_MESSAGE)).slice(-MAX_MESSAGE);
  };
  const closed = (name: string) => {
    if (isResult(name)) result = undefined;
    if (name === 'testcase' && found) {
      if (cases.push(toCase(found)) > MAX_TESTS) throw new Error(`it has more than ${MAX_TESTS} tests`);
      found = undefined;
    }
  };
  for (let at = 0; at < xml.length; ) {
    const before = at;
    const tag = xml.indexOf('<', at);
    const text = xml.slice(at, tag < 0 ? xml.length : tag);
    const shown = text.slice(-2 * MAX_MESSAGE);
    if (open.length > 0) add(decoded(shown));
    else if (text.trim() !== '' && text.trim() !== '\ufeff') throw new Error('there is text outside of its root');
    if (tag < 0) break;
    if (xml.startsWith('<!--', tag)) at = await afterMark(xml, '-->', tag + 4, meter, signal);
    else if (xml.startsWith('<![CDATA[', tag)) {
      at = await afterMark(xml, ']]>', tag + 9, meter, signal);
      add(xml.slice(Math.max(tag + 9, at - 3 - MAX_MESSAGE), at - 3));
    } else if (xml.startsWith('<?', tag)) at = await afterMark(xml, '?>', tag + 2, meter, signal);
    else if (xml.startsWith('<!', tag)) throw new Error('a report must not declare entities');
    else if (xml.startsWith('</', tag)) {
      at = after(xml, '>', tag + 2);
      const name = xml.slice(tag + 2, Math.min(at - 1, tag + 2 + MAX_NAME)).trim();
      if (open.pop() !== name) throw new Error(`</${name.slice(0, 100)}> closes a tag that is not open`);
      closed(name);
    } else {
      const start = await startTag(xml, tag, meter, signal);
      const parent = open.at(-1);
      at = start.end;
      if (parent === undefined) {
        if (rooted || (start.name !== 'testsuites' && start.name !== 'testsuite')) {
          throw new Error('no <testsuites> or <testsuite> in it');
        }
        rooted = true;
      }
      if (start.name === 'testcase' && !found) found = { attributes: start.attributes, results: new Map() };
      else if (parent === 'testcase' && found && isResult(start.name)) {
        result = { message: start.attributes.get('message'), text: '', pieces: 0 };
        if (!found.results.has(start.name)) found.results.set(start.name, result);
      }
      if (start.empty) closed(start.name);
      else if (open.push(start.name) > MAX_DEPTH)
        throw new Error(`its elements are nested more than ${MAX_DEPTH} deep`);
    }
    // Searching text for its end costs a 64th of decoding it.
    const steps = 64 + costOfDecoding(shown) + Math.ceil((at - before) / 64);
    if (meter.spend(steps)) await meter.rest(signal);
  }
  if (!rooted) throw new Error('no <testsuites> or <testsuite> in it');
  if (open.length > 0) throw new Error(`<${open.at(-1)!.slice(0, 100)}> is not closed`);
  return cases;
}

const PIECE = 64 * 1024;

/**
 * Implements {@link after} for marks of several characters. Text full of their beginnings costs a step for each
 * character.
 */
async function afterMark(
  xml: string,
  mark: string,
  from: number,
  meter: WorkMeter,
  signal: AbortSignal | undefined,
): Promise<number> {
  for (let at = from; at < xml.length; at += PIECE) {
    const found = xml.slice(at, at + PIECE + mark.length - 1).indexOf(mark);
    if (found >= 0) return at + found + mark.length;
    if (meter.spend(PIECE)) await meter.rest(signal);
  }
  throw endsWithin();
}

const endsWithin = (): Error => new Error('it ends within a tag');

/** Returns the position after the next `mark`, which is one character. */
function after(xml: string, mark: string, from: number): number {
  const at = xml.indexOf(mark, from);
  if (at < 0) throw endsWithin();
  return at + mark.length;
}

interface StartTag {
  name: string;
  attributes: Map<string, string>;
  empty: boolean;
  end: number;
}

const NAME = /[^\s<>"'/=]{1,1000}/y;
const ATTRIBUTE = /\s{1,1000}([^\s<>"'/=]{1,1000})\s{0,1000}=\s{0,1000}(["'])/y;
const END = /\s{0,1000}(\/?)>/y;

async function startTag(xml: string, at: number, meter: WorkMeter, signal: AbortSignal | undefined): Promise<StartTag> {
  const name = matchAt(NAME, xml, at + 1)?.[0];
  if (name === undefined) throw new Error('it has a tag without a name');
  const attributes = new Map<string, string>();
  let end = at + 1 + name.length;
  for (let count = 0; ; count++) {
    const [all, key = '', quote = ''] = matchAt(ATTRIBUTE, xml, end) ?? [];
    if (all === undefined) break;
    if (count === MAX_ATTRIBUTES) throw new Error(`a tag has more than ${MAX_ATTRIBUTES} attributes`);
    const from = end + all.length;
    end = after(xml, quote, from);
    let steps = all.length;
    if (WANTED.has(key)) {
      const value = xml.slice(from, Math.min(end - 1, from + 2 * MAX_MESSAGE));
      attributes.set(key, decoded(value));
      steps += costOfDecoding(value);
    }
    if (meter.spend(steps)) await meter.rest(signal);
  }
  const tail = matchAt(END, xml, end);
  if (!tail) throw new Error(`the tag <${name.slice(0, 100)}> is malformed`);
  return { name, attributes, empty: tail[1] === '/', end: end + tail[0].length };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** Decodes entities, also numeric ones: pytest writes a newline as &#10;. */
const decoded = (text: string): string =>
  text.includes('&')
    ? text.replace(
        /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));/gi,
        (all, hex?: string, decimal?: string, named = '') => {
          if (hex === undefined && decimal === undefined) return ENTITIES[named] ?? all;
          const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
          return code <= 0x10ffff ? String.fromCodePoint(code) : all;
        },
      )
    : text;

/** Returns the steps of decoding. An entity of at least four characters costs a function call. */
const costOfDecoding = (text: string): number => (text.includes('&') ? 4 : 1) * text.length;

function toCase({ attributes, results }: Case): TestCase {
  const [tag, result] = [...results].sort(([a], [b]) => rank(a) - rank(b))[0] ?? [];
  const stated = STATUSES[(attributes.get('status') ?? attributes.get('result') ?? '').toLowerCase()];
  const seconds = Number(attributes.get('time'));
  return {
    name: [attributes.get('classname'), attributes.get('name')].filter(Boolean).join('.').slice(0, MAX_NAME),
    status: tag ? RESULTS[tag] : (stated ?? 'passed'),
    message: explanation(result).slice(0, MAX_MESSAGE),
    durationMs: Number.isFinite(seconds) ? seconds * 1000 : 0,
  };
}

const rank = (tag: ResultTag): number => Object.keys(RESULTS).indexOf(tag);

/**
 * Returns the message of a result. pytest's summary of a failed import contains no reason, but the last line of its
 * text does.
 */
function explanation(result: Result | undefined): string {
  if (!result) return '';
  if (result.message !== undefined && result.message !== 'collection failure') return result.message;
  const last = result.text.trimEnd().split('\n').at(-1)?.replace(/^E +/, '');
  return last || (result.message ?? '');
}
