// The order of the agent's folders is written down once, in its README; this holds the sources to it.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const IMAGES = new URL('../../../sandbox-images/', import.meta.url).pathname;
const AGENT = join(IMAGES, 'agent');
const FLAT_MAX = 30;

/** The build writes this one, from sandbox-images/seccomp.json. */
const GENERATED = 'build/call-filter.h';

const sources = (readdirSync(AGENT, { recursive: true }) as string[])
  .filter((name) => /^(?!build\/).*\.[ch]$/.test(name))
  .sort();

/** Without comments, and without what stands in strings. */
function codeOf(file: string): string {
  return readFileSync(join(AGENT, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/"(\\.|[^"\\\n])*"/g, '""');
}

const includesOf = (file: string): string[] =>
  [...readFileSync(join(AGENT, file), 'utf8').matchAll(/^#include "([^"]+)"/gm)].map((match) => match[1]!);

/** The folders of the README's table, lowest first; a file of the agent's own directory is a floor of its own. */
function floors(): string[] {
  const text = readFileSync(join(AGENT, 'README.md'), 'utf8');
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
}

const folderOf = (file: string): string => file.split('/')[0]!;

/** The functions and variables that headers declare, each with the file that defines it. */
function definitions(): Map<string, string> {
  const declared = new Set<string>();
  for (const file of sources.filter((name) => name.endsWith('.h'))) {
    const code = codeOf(file);
    for (const [, name] of code.matchAll(/^(?!static|typedef|#|\s)[\w *]*?[ *](\w+)\([^{};]*\);/gm))
      declared.add(name!);
    for (const [, name] of code.matchAll(/^extern [\w *]*?[ *](\w+);/gm)) declared.add(name!);
  }
  const defined = new Map<string, string>();
  for (const file of sources.filter((name) => name.endsWith('.c'))) {
    const code = codeOf(file);
    const functions = code.matchAll(
      /^(?!static|_Noreturn static|extern|typedef)[a-zA-Z_][\w *]*?[ *](\w+)\([^{};]*\)\s*\{/gm,
    );
    const variables = code.matchAll(/^(?!static|extern|typedef)(?:const )?struct \w+ (\w+)(?:;| =)/gm);
    for (const [, name] of [...functions, ...variables]) if (declared.has(name!)) defined.set(name!, file);
  }
  return defined;
}

/** Which file uses what another one defines: file → (file → names). */
function uses(): Map<string, Map<string, string[]>> {
  const defined = definitions();
  const graph = new Map<string, Map<string, string[]>>();
  for (const file of sources.filter((name) => name.endsWith('.c'))) {
    const used = new Map<string, string[]>();
    for (const word of new Set(codeOf(file).match(/\b[a-z]\w*\b/g))) {
      const target = defined.get(word);
      if (target !== undefined && target !== file) used.set(target, [...(used.get(target) ?? []), word]);
    }
    graph.set(file, used);
  }
  return graph;
}

/** A circle of the graph, or undefined. */
function circle(graph: Map<string, Map<string, string[]>>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, way: string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file)?.keys() ?? []) {
      const found = visit(next, [...way, file]);
      if (found) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const found = visit(file, []);
    if (found) return found;
  }
  return undefined;
}

describe('the folders of the agent', () => {
  it('are all in the table, and the table has no others', () => {
    expect(floors().sort()).toEqual([...new Set(sources.map(folderOf))].sort());
  });

  it('include nothing from above, and only files that exist', () => {
    const order = floors();
    const wrong = sources.flatMap((file) =>
      includesOf(file)
        .filter((name) => name !== GENERATED)
        .filter((name) => !sources.includes(name) || order.indexOf(folderOf(name)) > order.indexOf(folderOf(file)))
        .map((name) => `${file} includes ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('call nothing that is defined above', () => {
    const order = floors();
    const graph = uses();
    const wrong: string[] = [];
    for (const [file, used] of graph) {
      for (const [target, names] of used) {
        if (order.indexOf(folderOf(target)) > order.indexOf(folderOf(file)))
          wrong.push(`${file} uses ${names.join(', ')} of ${target}`);
      }
    }
    expect(wrong).toEqual([]);
    // So that a parser which finds nothing does not pass for an order that holds.
    expect(graph.get('main.c')?.get('wire/loop.c')).toContain('loop_wait');
    expect(graph.get('fs/fs.c')?.get('fs/fs-write.c')).toEqual(['fs_write']);
    expect(definitions().size).toBeGreaterThan(200);
  });

  it('have no circle of files', () => {
    expect(circle(uses())).toBeUndefined();
  });

  it('keep the state of the commands in their folder', () => {
    const outside = sources.filter((file) => folderOf(file) !== 'command');
    expect(outside.filter((file) => includesOf(file).includes('command/command-state.h'))).toEqual([]);
  });
});

it(`no directory of sandbox-images has more than ${FLAT_MAX} files`, () => {
  const crowded: string[] = [];
  const visit = (directory: string): void => {
    const entries = readdirSync(directory).map((name) => join(directory, name));
    const folders = entries.filter((path) => statSync(path).isDirectory() && !path.endsWith('agent/build'));
    if (entries.length - folders.length > FLAT_MAX) crowded.push(directory);
    for (const folder of folders) visit(folder);
  };
  visit(IMAGES);
  expect(crowded).toEqual([]);
});
