/**
 * Reads every comment of the sources and lists those that a newcomer would read twice. The rules are in CONTRIBUTING.md.
 * Help texts of the command line are checked by `test/unit/cli/help-texts.test.ts` with the same rules.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FOLDERS = ['src', 'sandbox-images', 'test', 'scripts', 'examples', '.ci'];
const SKIPPED = /(^|\/)(node_modules|build|fixtures|dist)(\/|$)/;

const FRAGMENT =
  /^(Of|With|From|For|What|Whatever|Whoever|Whose|Nobody|Somebody|Everybody|Not|The same|Nothing|Where|Else|Also)\b(?!.*\?$)/;

/** @type {[RegExp, string][]} */
const RULES = [
  [
    /\b(?:and|of|to|than|with|from|is|for|by|in|only|all) what (?:is|was|has|had|it|they|he|a|the|no|can|stands|comes|lies|holds)\b/i,
    'uses "what …" as a noun: name the thing',
  ],
  [
    /\b(?:agent|engine|kernel|server|client|sandbox|process|keeper|pipe|container)s? (?:says|tells|hears|asks|knows|speaks)\b/i,
    'lets a program speak: it sends, reports, receives or requests',
  ],
  [
    /\b(?:is|are|was|were) no \w+|\b(?:has|have|takes|take) none\b/,
    'says "is no", "has none" or "takes none": say "is not a", "does not have"',
  ],
  [/\b(?:whoever|nobody|somebody|everybody)\b/i, 'names a person: name the agent, the host, the caller or the engine'],
];

/**
 * Returns why a text reads badly; undefined if it does not.
 * @param {string} text
 * @returns {string | undefined}
 */
export function proseProblem(text) {
  if (FRAGMENT.test(text)) return 'begins with a fragment: begin with a verb or a noun';
  return RULES.find(([pattern]) => pattern.test(text))?.[1];
}

/**
 * Returns the comments of a source file, each as one text.
 * @param {string} source
 * @param {string} name of the file, for its language
 * @returns {{ line: number, text: string }[]}
 */
export function commentsOf(source, name) {
  const mark = /\.(py|sh|ya?ml)$/.test(name) || !/\.\w+$/.test(name) ? '#' : '//';
  /** @type {{ line: number, text: string }[]} */
  const comments = [];
  /** @type {{ line: number, text: string } | undefined} */
  let open;
  let inBlock = false;
  for (const [index, raw] of source.split('\n').entries()) {
    const line = raw.trim();
    const wasInBlock = inBlock;
    let text;
    if (inBlock || (mark === '//' && line.startsWith('/*'))) {
      inBlock = !line.includes('*/');
      text = line.replace(/^\/\*+|^\*(?!\/)/, '').replace(/\*\/.*$/, '');
    } else if (line.startsWith(mark) && !line.startsWith('#!')) {
      text = line.slice(mark.length);
    } else {
      const behind = mark === '//' ? /\s\/\*+ (.*?) \*\/$|[;{},)\]] \/\/ (.*)$/.exec(line) : /\s# (.*)$/.exec(line);
      open = undefined;
      if (behind) comments.push({ line: index + 1, text: (behind[1] ?? behind[2] ?? '').trim() });
      continue;
    }
    text = text.trim();
    // A tag or a list's item begins a text of its own.
    const own = /^(?:@\w+|-|\d+\.)\s/.test(text);
    if (open && !own && (wasInBlock || mark !== '//' || !line.startsWith('/*')))
      open.text = `${open.text} ${text}`.trim();
    else {
      open = {
        line: index + 1,
        text: text.replace(/^@(?:param|throws|returns|default|see|typedef|type)\b.*?(?= [A-Z]|$)/, '').trim(),
      };
      comments.push(open);
    }
    if (!inBlock && (wasInBlock || line.startsWith('/*'))) open = undefined;
  }
  return comments.filter(({ text }) => text.length >= 12);
}

/** @returns {string[]} a line for each problem: the file, the line, the text and the rule */
export function commentProblems() {
  const problems = [];
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const file = path.join(folder, entry);
      if (!/\.(ts|tsx|mjs|js|c|h|py|sh|css)$|^\.ci\/run$/.test(file) || SKIPPED.test(file)) continue;
      for (const { line, text } of commentsOf(readFileSync(file, 'utf8'), file)) {
        const problem = proseProblem(text);
        if (problem) problems.push(`${file}:${line}: "${text.slice(0, 80)}" ${problem}`);
      }
    }
  }
  return problems;
}
