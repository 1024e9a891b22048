/** The fenced blocks of the documentation, and programs made of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { transformSync } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../../..');

export interface Block {
  page: string;
  /** Line of the opening fence. */
  line: number;
  language: string;
  text: string;
  /** The output that the page shows right after it. */
  output: string | undefined;
}

/** README.md, CONTRIBUTING.md, and every page of docs/. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter(
    // Generated from the sources: signatures, help texts, and examples without the lines around them.
    (name) => !name.startsWith('reference/'),
  );
  return ['README.md', 'CONTRIBUTING.md', ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
}

/** Returns the fenced blocks of a page. A block without a language right after another one is that one's output. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks: Block[] = [];
  let end = 0;
  for (const match of text.matchAll(/^```(\S*)\n([\s\S]*?)^```$/gm)) {
    const [all, language, content] = match as unknown as [string, string, string];
    const previous = blocks.at(-1);
    const follows = previous !== undefined && text.slice(end, match.index).trim() === '';
    end = match.index + all.length;
    if (language === '' && follows && previous.language !== '' && previous.output === undefined) {
      previous.output = content;
      continue;
    }
    const line = text.slice(0, match.index).split('\n').length;
    blocks.push({ page, line, language, text: content, output: undefined });
  }
  return blocks;
}

/** Whether `actual` is the output a page shows; `…` there stands for anything. */
export function matches(shown: string, actual: string): boolean {
  const pattern = shown
    .trimEnd()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[\\s\\S]*?');
  return new RegExp(`^${pattern}$`).test(actual.trimEnd());
}

const IMPORT = /^import\s[^'"]*['"][^'"]+['"]\s*;?$/gm;

/**
 * Returns a module that runs the blocks one after the other, each in a scope of its own, and writes their output to the file
 * that `RIPCORD_SNIPPETS` names. Blocks that declare neither get `manager` and one shared `sandbox`.
 */
export function moduleOf(blocks: readonly Block[], before: string): string {
  const imports = new Set(blocks.flatMap(({ text }) => text.match(IMPORT) ?? []));
  const bodies = blocks.map(({ text }, at) => {
    const body = text.replace(IMPORT, '');
    const shared = /\bsandbox\b/.test(body) && !/\b(?:using|const|let) (?:\{[^}]*\} = )?sandbox\b/.test(body);
    return `await block(${at}, async () => {\n${shared ? 'const sandbox = await shared()\n' : ''}${body}\n})`;
  });
  const source = [...merge(imports), PRELUDE, before, ...bodies, CODA].join('\n');
  return transformSync(source, { loader: 'ts', format: 'esm', target: 'node20' }).code;
}

/** One import for each name: blocks repeat those of others. */
function merge(imports: ReadonlySet<string>): string[] {
  const names = new Map<string, Set<string>>([['ripcord-sandbox', new Set(['SandboxManager', 'isClean'])]]);
  const others: string[] = [];
  for (const line of imports) {
    const match = /^import \{([^}]*)\} from '([^']+)'/.exec(line);
    if (!match) others.push(line);
    else {
      const [, list, from] = match as unknown as [string, string, string];
      const known = names.get(from) ?? new Set();
      for (const name of list.split(',')) if (name.trim() !== '') known.add(name.trim());
      names.set(from, known);
    }
  }
  return [...others, ...[...names].map(([from, known]) => `import { ${[...known].join(', ')} } from '${from}'`)];
}

const PRELUDE = `
import { writeFileSync as writeResults } from 'node:fs'
import { format } from 'node:util'
const results = []
const manager = await SandboxManager.open({ sweep: false, defaults: { env: JSON.parse(process.env.RIPCORD_SNIPPET_ENV ?? '{}') } })
let one
const shared = async () => (one = one === undefined || one.closed ? await manager.create() : one)
async function block(at, run) {
  const [log, write] = [console.log, process.stdout.write]
  let output = ''
  console.log = (...values) => { output += format(...values) + '\\n' }
  process.stdout.write = (text) => { output += text; return true }
  let error
  try { await run() } catch (thrown) { error = thrown?.stack ?? String(thrown) }
  console.log = log
  process.stdout.write = write
  results[at] = { output, error }
}
`;
const CODA = `
const closed = await manager.close()
writeResults(process.env.RIPCORD_SNIPPETS, JSON.stringify({ results, clean: isClean(closed) }))
process.exit(0)
`;

export interface Step {
  command: string;
  /** Shown below it; `undefined` in a block that shows none. */
  output: string | undefined;
}

/** The commands of a `console` block, with their output, or of a `sh` block, as one script. */
export function stepsOf({ language, text, output }: Block): Step[] {
  if (language === 'sh') return [{ command: text, output }];
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}
