/** Reports of test runners: what they say, and that reading them is bounded in work however they are made. */
import { describe, expect, test, vi } from 'vitest';
import { STEPS_PER_TURN, WorkMeter } from '../../../src/base/work-meter.js';
import { parseJUnit } from '../../../src/verify/junit.js';
import { parseTap } from '../../../src/verify/tap.js';
import { textOf } from '../../../src/verify/utf8.js';

const short = (tests: { name: string; status: string }[]) => tests.map(({ name, status }) => `${status} ${name}`);
const tap = async (...lines: string[]) => {
  const { tests, problem } = await parseTap(lines.join('\n'));
  return problem ?? short(tests);
};

describe('TAP', () => {
  test('points, directives, subtests, diagnoses', async () => {
    const { tests, problem } = await parseTap(`TAP version 13
# Subtest: adds
    # Subtest: small
    ok 1 - small
      ---
      duration_ms: 1.5
      ...
    not ok 2 - large
      ---
      error: |-
        Expected values to be equal:

        5 !== 6
      code: ERR_ASSERTION
      ...
    1..2
not ok 1 - adds
  ---
  error: '1 subtest failed'
  ...
ok 2 - has \\# one # SKIP not # now
ok 3 - later # TODO
ok - no number
ok 5 - braces {
    ok 1 - inner
    1..1
}
some output
  ok 1 - at an odd place
1..5
# tests 5
`);
    expect(problem).toBeUndefined();
    expect(short(tests)).toEqual([
      'passed adds > small',
      'failed adds > large',
      'failed adds',
      'skipped has # one',
      'skipped later',
      'passed no number',
      'passed braces > inner',
    ]);
    expect(tests[0]?.durationMs).toBe(1.5);
    expect(tests[1]?.message).toBe('Expected values to be equal:\n\n5 !== 6');
    expect(tests[2]?.message).toBe('1 subtest failed');
  });

  test.each([
    ['a plan that was not kept', ['ok 1 - a', '1..2'], /1 tests were reported, 2 planned/],
    ['no plan', ['ok 1 - a'], /no plan/],
    ['two plans', ['1..1', 'ok 1 - a', '1..1'], /two plans/],
    ['a test after the plan', ['ok 1 - a', '1..1', 'ok 2 - b'], /follows the plan/],
    ['a number twice', ['1..2', 'ok 1 - a', 'ok 1 - b'], /the number 1/],
    [
      'a plan of subtests that was not kept',
      ['    1..2', '    ok 1 - a', 'ok 1 - p', '1..1'],
      /1 tests were reported, 2 planned/,
    ],
    ['a bail out', ['ok 1 - a', 'Bail out! no disk'], /bailed out: no disk/],
    ['nothing', [], /no plan/],
    ['a test of 100 kB', [`ok 1 - ${'a'.repeat(100_000)}`, '1..1'], /longer than/],
  ])('says what is wrong: %s', async (_, lines, problem) => {
    expect(await tap(...lines)).toMatch(problem);
  });

  test('a parent whose subtests were none is no test that passed', async () => {
    expect(await tap('ok 1 - p {', '    1..0', '}', '1..1')).toEqual([]);
  });
});

describe('JUnit', () => {
  test('suites, results, entities, CDATA', async () => {
    const cases = await parseJUnit(`<?xml version="1.0" encoding="utf-8"?>
<!-- by hand -->
<testsuites><testsuite name="s"><properties><property name="x" value="a > b"/></properties>
<testcase classname="c" name="a &lt;1&gt; &#233;&#xe9;" time="0.5"/>
<testcase name='b'><failure message="it&#10;failed &amp; so on">long</failure><system-out>x</system-out></testcase>
<testcase name="c"><error><![CDATA[line
E   ImportError: <no>]]></error></testcase>
<testsuite name="inner"><testcase name="d"><skipped/></testcase></testsuite>
<testcase name="e" status="notrun" result="suppressed"/>
<testcase name="f" status="fail"/>
<testcase name="g" status="run"></testcase>
</testsuite></testsuites>`);
    expect(short(cases)).toEqual([
      'passed c.a <1> éé',
      'failed b',
      'error c',
      'skipped d',
      'skipped e',
      'failed f',
      'passed g',
    ]);
    expect(cases.map(({ message }) => message).slice(0, 3)).toEqual(['', 'it\nfailed & so on', 'ImportError: <no>']);
    expect(cases[0]?.durationMs).toBe(500);
  });

  test.each([
    ['', /no <testsuites>/],
    ['passed', /text outside/],
    ['<html></html>', /no <testsuites>/],
    ['<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>', /must not declare entities/],
    ['<testsuite>', /<testsuite> is not closed/],
    ['<testsuite></testcase>', /closes a tag that is not open/],
    ['<testsuite/><testsuite/>', /no <testsuites>/],
    ['<testsuite><testcase name="a', /within a tag/],
    ['<testsuite name=a/>', /is malformed/],
    [`<testsuite>${'<a>'.repeat(2000)}`, /nested more than 1000 deep/],
  ])('refuses what is none: %#', async (xml, problem) => {
    await expect(parseJUnit(xml)).rejects.toThrow(problem);
  });
});

const MAX_REPORT = 16 * 1024 * 1024;
const filled = (unit: string, before = '', after = '', size = MAX_REPORT) =>
  before + unit.repeat(Math.floor((size - before.length - after.length) / unit.length)) + after;

/** A work meter that counts how often the event loop has its turn. */
class Counted extends WorkMeter {
  rests = 0;
  override async rest(): Promise<void> {
    this.rests += 1;
    await super.rest();
  }
}
/** A line or a tag may end what a turn has begun: it costs its length. */
const MOST = STEPS_PER_TURN + 300 * 1024;

describe('at the largest allowed input, work comes in turns', () => {
  test.each([
    ['YAML', filled('  a: b\n', 'ok 1 - x\n  ---\n', '  ...\n1..1\n'), true],
    ['an open message', filled('    a\n', 'ok 1 - x\n  ---\n  error: |\n', '', 2 ** 20), true],
    ['points', filled('ok\n'), false],
    ['comments', filled('#\n', '', '', 2 ** 20), true],
    ['one line', filled(' '), false],
    ['one point', filled('# ', 'ok 1 '), false],
    ['subtests', filled('# Subtest: x\n    ok\nok\n'), false],
    ['staircases', filled(Array.from({ length: 120 }, (_, i) => `${'    '.repeat(i)}ok\n`).join('')), false],
  ])('TAP: %s', async (_, text, whole) => {
    const meter = new Counted();
    const { tests } = await parseTap(text, meter);
    expect(meter.longest).toBeLessThan(MOST);
    if (whole) expect(meter.rests).toBeGreaterThan(text.length / MOST);
    expect(tests.length).toBeLessThanOrEqual(100_001);
  });

  test.each([
    ['cases', filled('<testcase/>', '<testsuite>', '</testsuite>')],
    ['text', filled('<a/>x', '<testsuite><testcase><failure>', '</failure></testcase></testsuite>', 2 ** 21)],
    ['entities', filled('&amp;', '<testsuite><testcase><failure>', '</failure></testcase></testsuite>')],
    ['attributes', filled(' a=""', '<testsuite', '/>')],
    ['an attribute that does not end', filled('a', '<testsuite a="')],
    ['white space', filled(' ', '<testsuite ')],
    ['comments', filled('<!---->', '', '<testsuite/>', 2 ** 21)],
    ['depth', filled('<a>', '<testsuite>')],
    ['the end of a comment, almost', filled('-', '<testsuite><!--')],
    ['the end of a section, almost', filled(']]', '<testsuite><![CDATA[', ']]></testsuite>')],
    ['the end of an instruction, almost', filled('?', '<?')],
  ])('JUnit: %s', async (_, xml) => {
    const meter = new Counted();
    await parseJUnit(xml, meter).catch((error: Error) => error);
    expect(meter.longest).toBeLessThan(MOST);
  });

  test.each([
    ['names', filled(`<testcase name='${'&#10;'.repeat(1600)}'/>`, '<testsuite>', '</testsuite>', 2 ** 21)],
    ['names of one tag', filled(` name='${'&#10;'.repeat(1600)}'`, '<testsuite><testcase', '/></testsuite>', 2 ** 21)],
    ['messages', filled(`<testcase><error message='${'&#10;'.repeat(1600)}'/></testcase>`, '<testsuite>', '', 2 ** 21)],
    ['short texts', filled('&#9;<a/>', '<testsuite>', '', 2 ** 21)],
  ])('JUnit: entities that are decoded between two turns, of %s', async (_, xml) => {
    const decode = vi.spyOn(String, 'fromCodePoint');
    let most = 0;
    class Watched extends WorkMeter {
      override async rest(): Promise<void> {
        most = Math.max(most, decode.mock.calls.length);
        decode.mockClear();
        await super.rest();
      }
    }
    try {
      const meter = new Watched();
      await parseJUnit(xml, meter).catch((error: Error) => error);
      await meter.rest();
      expect(most).toBeGreaterThan(0);
      // An entity is at least four characters, and each of them is more than a step.
      expect(most).toBeLessThan(STEPS_PER_TURN / 8);
    } finally {
      decode.mockRestore();
    }
  });

  test('JUnit: the names of attributes cost their length', async () => {
    const meter = new Counted();
    const attributes = ` ${'a'.repeat(1000)}${' '.repeat(1000)}=''`.repeat(999);
    await parseJUnit(`<testsuite${attributes}/>`, meter);
    expect(meter.rests).toBeGreaterThanOrEqual(Math.floor(attributes.length / MOST));
    expect(meter.longest).toBeLessThan(MOST);
  });

  test('the end of a comment is looked for in pieces', async () => {
    const meter = new Counted();
    await expect(parseJUnit(filled('-', '<testsuite><!--'), meter)).rejects.toThrow('within a tag');
    expect(meter.rests).toBeGreaterThanOrEqual(Math.floor(MAX_REPORT / MOST));
    // It may lie across the border of two.
    for (const length of [65_534, 65_535, 65_536, 65_537]) {
      const cases = await parseJUnit(`<testsuite><!--${'-'.repeat(length)}x--><testcase name="a"/></testsuite>`);
      expect(short(cases)).toEqual(['passed a']);
    }
  });

  test('text', async () => {
    const meter = new Counted();
    const text = await textOf(Buffer.from(`${'a'.repeat(256 * 1024 - 1)}é€`.repeat(8)), meter);
    expect(text).toBe(`${'a'.repeat(256 * 1024 - 1)}é€`.repeat(8));
    expect(meter.rests).toBeGreaterThanOrEqual(4);
  });
});
