/**
 * Parses a TAP stream line by line, with turns of the event loop between. The time is bounded by the stream's length.
 */
import { WorkMeter } from '../base/work-meter.js';
import type { TestCase } from './test-report.js';

interface TapResult {
  tests: TestCase[];
  /** The reason why the stream is invalid: its plan was not kept, or it bailed out. */
  problem: string | undefined;
}

const MAX_TESTS = 100_000;
const MAX_DEPTH = 100;
const MAX_NAME = 1000;
const MAX_MESSAGE = 4000;
/** Maximum length of a line of the report. The rest counts as output of the program. */
const MAX_LINE = 64 * 1024;

/** One stream, or the subtests of one test, which are indented by four more columns. */
interface Level {
  indent: number;
  name: string;
  /** Number of tests in its plan. */
  plan?: number;
  /** True if the plan came after tests, so that no test may follow. */
  closed: boolean;
  numbers: Set<number>;
  tests: number;
  /** Name of the next level, from `# Subtest: name`. */
  announced: string;
  /** Number of subtests since the last test of this level, which summarizes them. */
  inner: number;
}

/** A YAML block after a test, between `---` and `...`. */
interface Diagnosis {
  indent: number;
  test: TestCase | undefined;
  /** True if the message continues on more indented lines. */
  open: boolean;
}

/** Parses a stream. Each subtest counts; its parent counts only if it fails. */
export async function parseTap(text: string, meter = new WorkMeter(), signal?: AbortSignal): Promise<TapResult> {
  const reader = new TapReader();
  for (let start = 0; start < text.length && reader.problem === undefined; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    reader.line(text.slice(start, Math.min(end, start + MAX_LINE)), end - start > MAX_LINE);
    if (meter.spend(Math.min(end - start, MAX_LINE) + 64)) await meter.rest(signal);
    start = end + 1;
  }
  return reader.end();
}

class TapReader {
  problem: string | undefined;
  readonly #tests: TestCase[] = [];
  readonly #levels: Level[] = [levelAt(0, '')];
  #diagnosis: Diagnosis | undefined;
  /** The test that a YAML block may follow, with its indentation. */
  #last: { test: TestCase | undefined; indent: number } | undefined;

  line(raw: string, cut: boolean): void {
    const indent = /^ */.exec(raw)![0].length;
    const content = raw.slice(indent).trimEnd();
    if (this.#diagnosis && this.#explain(this.#diagnosis, indent, content)) return;
    if (content === '---' && this.#last && indent === this.#last.indent + 2) {
      this.#diagnosis = { indent, test: this.#last.test, open: false };
      return;
    }
    const point = /^(not )?ok(?= |$)/.exec(content);
    const plan = point ? null : /^1\.\.(\d{1,9})(?: *#.*)?$/.exec(content);
    const subtest = content.startsWith('# Subtest:') ? content.slice(10).trim() : undefined;
    if (content.startsWith('Bail out!')) this.problem = `bailed out: ${content.slice(9, 500).trim()}`;
    if (!point && !plan && subtest === undefined) return;
    const level = this.#levelAt(indent, subtest);
    if (level === undefined) return;
    if (plan) this.#plan(level, Number(plan[1]));
    else if (cut) this.#wrong(`a line of a test is longer than ${MAX_LINE} characters`);
    else if (point) this.#point(level, point[1] === undefined, content.slice(point[0].length));
  }

  end(): TapResult {
    while (this.#levels.length > 1) this.#close();
    const [top] = this.#levels as [Level];
    if (top.plan === undefined && this.problem === undefined) this.#wrong('it has no plan');
    this.#check(top);
    return { tests: this.#tests, problem: this.problem };
  }

  #wrong(what: string): void {
    this.problem ??= `the TAP stream is invalid: ${what}`;
  }

  /** Returns the level of a line and closes deeper levels. Lines with another indentation are output of the program. */
  #levelAt(indent: number, subtest: string | undefined): Level | undefined {
    while (this.#levels.at(-1)!.indent > indent) this.#close();
    const top = this.#levels.at(-1)!;
    if (top.indent === indent) {
      // The tests of an announced subtest are indented by one more level.
      if (subtest !== undefined) top.announced = subtest.slice(0, MAX_NAME);
      return top;
    }
    if (indent !== top.indent + 4) return undefined;
    if (this.#levels.length > MAX_DEPTH) {
      this.#wrong(`subtests are nested more than ${MAX_DEPTH} deep`);
      return undefined;
    }
    // node announces a subtest one level above and its first child inside; tap announces inside.
    const name = top.announced || subtest;
    const level = levelAt(indent, [top.name, name].filter(Boolean).join(' > ').slice(0, MAX_NAME));
    if (top.announced && subtest !== undefined) level.announced = subtest.slice(0, MAX_NAME);
    top.announced = '';
    this.#levels.push(level);
    return level;
  }

  #close(): void {
    const closed = this.#levels.pop()!;
    this.#check(closed);
    this.#levels.at(-1)!.inner += closed.tests;
  }

  #check({ plan, tests }: Level): void {
    if (plan !== undefined && plan !== tests) this.#wrong(`${tests} tests were reported, ${plan} planned`);
  }

  #plan(level: Level, count: number): void {
    if (level.plan !== undefined) this.#wrong('it has two plans');
    level.plan = count;
    level.closed = level.tests > 0;
  }

  #point(level: Level, ok: boolean, rest: string): void {
    const { number, name, directive } = described(rest);
    level.tests += 1;
    if (level.closed) this.#wrong('a test follows the plan');
    if (number !== undefined) {
      if (level.numbers.has(number)) this.#wrong(`two tests have the number ${number}`);
      level.numbers.add(number);
    }
    const sum = level.inner > 0;
    level.inner = 0;
    level.announced = '';
    // In `ok 1 - name {` the subtests follow.
    const braced = name.endsWith('{');
    if (braced) level.announced = name.slice(0, -1).trim();
    const test: TestCase = {
      name: [level.name, braced ? level.announced : name].filter(Boolean).join(' > ').slice(0, MAX_NAME),
      status: directive ? 'skipped' : ok ? 'passed' : 'failed',
      message: directive,
      durationMs: 0,
    };
    const counts = !((sum || braced) && ok);
    this.#last = { test: counts ? test : undefined, indent: level.indent };
    if (!counts) return;
    if (this.#tests.push(test) > MAX_TESTS) this.#wrong(`it has more than ${MAX_TESTS} tests`);
  }

  /** Handles a line of a YAML block. Returns false if the block ended without `...`. */
  #explain(diagnosis: Diagnosis, indent: number, content: string): boolean {
    if (content !== '' && indent < diagnosis.indent) {
      this.#diagnosis = undefined;
      return false;
    }
    const { test } = diagnosis;
    if (indent === diagnosis.indent) {
      diagnosis.open = false;
      if (content === '...') this.#diagnosis = undefined;
      else if (test) {
        const [, key, value = ''] = /^(error|message|duration_ms): *(.*)$/.exec(content) ?? [];
        if (key === 'duration_ms') test.durationMs = Number.isFinite(Number(value)) ? Number(value) : 0;
        else if (key !== undefined && test.message === '') {
          diagnosis.open = /^[|>][+-]?$/.test(value);
          test.message = diagnosis.open ? '' : unquoted(value.slice(0, MAX_MESSAGE));
        }
      }
    } else if (diagnosis.open && test && test.message.length < MAX_MESSAGE) {
      test.message = `${test.message}${test.message && '\n'}${content}`.slice(0, MAX_MESSAGE);
    }
    return true;
  }
}

const levelAt = (indent: number, name: string): Level => ({
  indent,
  name,
  closed: false,
  numbers: new Set(),
  tests: 0,
  announced: '',
  inner: 0,
});

/** Parses `1 - adds # SKIP not now`: number, name and directive. */
function described(rest: string): { number: number | undefined; name: string; directive: string } {
  const [head, digits] = /^ +(\d{1,9})(?= |$)/.exec(rest) ?? ['', undefined];
  let name = rest.slice(head.length).trim();
  let directive = '';
  // A directive follows the last `#`, or an earlier one if its reason contains `#`.
  let at = name.lastIndexOf('#');
  for (let tries = 0; at >= 0 && tries < 8; tries++) {
    const said = name.slice(at + 1, at + 1 + MAX_NAME).trim();
    if (name[at - 1] !== '\\' && /^(skip|todo)/i.test(said)) {
      directive = said;
      name = name.slice(0, at).trim();
      break;
    }
    at = at === 0 ? -1 : name.lastIndexOf('#', at - 1);
  }
  if (name === '-' || name.startsWith('- ')) name = name.slice(1).trim();
  name = name.slice(0, MAX_NAME).replace(/\\([#\\])/g, '$1');
  return { number: digits === undefined ? undefined : Number(digits), name, directive };
}

function unquoted(value: string): string {
  const quote = value[0];
  const quoted = (quote === "'" || quote === '"') && value.length > 1 && value.endsWith(quote);
  return quoted ? value.slice(1, -1) : value;
}
