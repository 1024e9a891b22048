/** Node's warnings in a run of the tests and all its children: each is a fault of ours until it stands in the table here. */

/**
 * Warnings that are right, with the reason.
 * @type {readonly { text: RegExp, why: string }[]}
 */
const EXPECTED = [];

/** `(node:1234) Name: message`, or with a code: `(node:1234) [DEP0001] Name: message`. */
const FIRST_LINE = /^\(node:\d+\) (.*)$/;

/**
 * The value of NODE_OPTIONS that makes Node append its warnings to a file, with where they come from.
 * @param {string | undefined} given what it holds
 * @param {string} file
 */
export function redirectingWarnings(given, file) {
  const quoted = `"--redirect-warnings=${file.replaceAll(/["\\]/g, '\\$&')}"`;
  return [given, '--trace-warnings', quoted].filter(Boolean).join(' ');
}

/**
 * @param {string} written what Node wrote to that file, from any number of processes
 * @param {readonly { text: RegExp }[]} expected
 * @returns {string[]} each warning once, with the first stack that came with it
 */
export function unexpectedWarnings(written, expected = EXPECTED) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  /** @type {string[] | undefined} */
  let current;
  for (const line of written.split('\n')) {
    const warning = FIRST_LINE.exec(line)?.[1];
    if (warning === undefined) {
      if (line.trim() !== '') current?.push(line);
      continue;
    }
    current = [warning];
    if (!found.has(warning)) found.set(warning, current);
  }
  return [...found].flatMap(([warning, lines]) =>
    expected.some(({ text }) => text.test(warning)) ? [] : [lines.join('\n')],
  );
}
