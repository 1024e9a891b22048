/** The documentation as a site: `npm run docs` writes it to out/docs. A link to a page that is not there fails the build. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { defineConfig } from 'vitepress';

const ROOT = resolve(import.meta.dirname, '../..');
const { repository } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8'));
/** Files outside docs/ are linked in the repository. If package.json names none, their links become plain text. */
const sources = repository?.url?.replace(/^git\+|\.git$/g, '');

const section = (/** @type {string} */ text, /** @type {[string, string][]} */ items) => ({
  text,
  items: items.map(([name, link]) => ({ text: name, link })),
});

export default defineConfig({
  title: 'Ripcord',
  description: 'Run LLM-generated code in Docker sandboxes you can abort at any instant, with nothing left behind.',
  srcDir: '.',
  outDir: '../out/docs',
  cacheDir: '../out/.vitepress-cache',
  cleanUrls: false,
  rewrites: {
    'README.md': 'index.md',
    'bench/README.md': 'bench/index.md',
    'reference/README.md': 'reference/index.md',
  },
  markdown: {
    // Anchors as GitHub makes them: one link serves both.
    anchor: {
      slugify: (/** @type {string} */ heading) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .replaceAll(' ', '-'),
    },
    config: (markdown) => markdown.use(linksOutside),
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: [
      section('Use it', [
        ['Overview', '/'],
        ['Getting started', '/getting-started'],
        ['Commands and outcomes', '/commands'],
        ['Programs given as text', '/run-code'],
        ['Files', '/files'],
        ['Commit', '/commit'],
        ['Abort and teardown', '/abort-and-teardown'],
        ['Images', '/images'],
        ['Network', '/network'],
        ['Recipes', '/recipes'],
        ['Pool and reuse', '/pool'],
        ...(existsSync(resolve(ROOT, 'docs/reference'))
          ? [/** @type {[string, string]} */ (['Reference', '/reference/'])]
          : []),
      ]),
      section('Models and agents', [
        ['Tools', '/tools'],
        ['MCP server', '/mcp'],
        ['Your own agent loop', '/write-your-own-agent-loop'],
        ['ripcord iterate', '/iterate'],
      ]),
      section('Run it for others', [
        ['Command line', '/cli'],
        ['Server', '/server'],
        ['Dashboard', '/dashboard'],
        ['Deployment', '/deployment'],
        ['In a container', '/container'],
        ['Set-up', '/setup'],
        ['Troubleshooting', '/troubleshooting'],
      ]),
      section('Decide', [
        ['Coming from …', '/coming-from'],
        ['Comparison', '/comparison'],
        ['Measurements', '/bench/'],
        ['Glossary', '/glossary'],
      ]),
      section('Internals', [
        ['Guarantees', '/internals/guarantees'],
        ['Hostile battery', '/internals/battery'],
        ['Protocol', '/internals/protocol'],
        ['Warm interpreters', '/internals/warm-interpreters'],
        ['Engine cost', '/internals/engine-cost'],
      ]),
    ],
  },
});

/**
 * Leads links that leave docs/ to the repository.
 * @param {import('markdown-it').default} markdown
 */
function linksOutside(markdown) {
  markdown.core.ruler.push('links-outside', ({ tokens, env }) => {
    let isNamed = false;
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null;
      if (token.type === 'link_close' && isNamed) [token.tag, isNamed] = ['span', false];
      if (href === null || !href.startsWith('../')) continue;
      const target = relative(ROOT, resolve(dirname(resolve(ROOT, 'docs', env.realPath ?? env.relativePath)), href));
      if (target.startsWith('docs/')) continue;
      if (sources) token.attrSet('href', `${sources}/blob/main/${target}`);
      else [token.tag, token.attrs, isNamed] = ['span', [['title', target]], true];
    }
  });
}
