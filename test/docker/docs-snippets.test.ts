/**
 * Every fenced block of README.md and docs/ is run here, against local stand-ins, or listed with the reason why not. A
 * block without a language right after a block is the output that it must print; `…` there stands for anything.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Block, blocksOf, matches, moduleOf, pages, stepsOf } from '../helpers/docs/snippets.js';
import { makeImage, StandIns } from '../helpers/docs/stand-ins.js';
import { makeTempDir } from '../helpers/fixtures.js';
import { freePort } from '../helpers/free-port.js';
import { makeCertificates } from '../helpers/tls-proxy.js';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const FIXTURES = resolve(import.meta.dirname, '../fixtures/docs');
const PRELOAD = pathToFileURL(resolve(import.meta.dirname, '../helpers/docs/preload.mjs')).href;

const SCRIPTS = new Set(['js', 'ts']);
const SHELLS = new Set(['sh', 'console']);

/** Blocks that are not run, by page and a part of their text. */
const NOT_RUN: { page: string; part: string; reason: string }[] = [
  { page: 'README.md', part: 'npm pack', reason: 'test/docker/package.test.ts packs and installs; setup runs below' },
  { page: 'docs/getting-started.md', part: 'npm pack', reason: 'as in README.md' },
  { page: 'docs/container.md', part: 'docker compose up', reason: 'test/docker/container.test.ts builds and runs it' },
  { page: 'docs/deployment.md', part: '[Unit]', reason: 'systemd: changes the machine' },
  { page: 'docs/deployment.md', part: 'proxy_pass', reason: 'nginx: another product' },
  {
    page: 'docs/images.md',
    part: 'FROM ripcord/python',
    reason: 'wants a package index; an image like it is made below',
  },
  { page: 'docs/images.md', part: 'docker build', reason: 'wants the docker command; an image like it is made below' },
  {
    page: 'docs/iterate.md',
    part: 'iteration 1',
    reason: 'its times differ; test/docker/iterate.test.ts runs the spec',
  },
  {
    page: 'docs/iterate.md',
    part: '"strategies"',
    reason: 'test/docker/iterate.test.ts runs examples/repair/spec.json',
  },
  { page: 'docs/mcp.md', part: '"mcpServers"', reason: 'configuration of other products; test/docker/mcp.test.ts' },
  { page: 'docs/mcp.md', part: '"servers"', reason: 'configuration of another product' },
  { page: 'docs/mcp.md', part: '[mcp_servers.ripcord]', reason: 'configuration of another product' },
  { page: 'docs/setup.md', part: '"runtimes"', reason: "the engine's configuration, which tests never touch" },
  { page: 'docs/write-your-own-agent-loop.md', part: 'strategize → for each branch', reason: 'a picture' },
  { page: 'docs/internals/protocol.md', part: 'attach (hijacked HTTP)', reason: 'a picture' },
  { page: 'docs/internals/protocol.md', part: 'payloadLength', reason: 'a picture' },
  { page: 'docs/internals/engine-cost.md', part: "runtime: 'crun'", reason: 'wants a runtime that few engines have' },
  { page: 'docs/internals/warm-interpreters.md', part: 'PID 1 ── zygote', reason: 'a picture' },
];

/** Pages whose blocks are one program, which executor-docs.test.ts runs. */
const ELSEWHERE = new Set(['docs/write-your-own-agent-loop.md']);

/** Command lines that serve until they are interrupted, and the line that says that they do. */
const SERVERS: { page: string; part: string; ready: RegExp }[] = [
  { page: 'docs/cli.md', part: 'server.py', ready: /port 8000 of the sandbox is at http/ },
  { page: 'docs/deployment.md', part: 'serve', ready: /listening on http/ },
  { page: 'docs/server.md', part: 'serve ', ready: /listening on / },
  { page: 'docs/mcp.md', part: '--listen', ready: /MCP at http/ },
];

/** Programs that a block may want besides Ripcord; without them it is left out. */
const TOOLS = ['curl', 'jq'];
const has = (tool: string, { text }: Block) =>
  !new RegExp(`(?:^|\\W)${tool} -`, 'm').test(text) || spawnSync('which', [tool]).status === 0;

/** Code before the blocks of a page: variables that they use and do not declare. */
const BEFORE: Record<string, string> = {
  'docs/server.md': `
    import { RipcordServer } from 'ripcord-sandbox/server'
    const token = 'x'.repeat(43)
    const server = await RipcordServer.open(manager, { listen: { port: 0 }, tokens: [{ name: 'a', token }] })
    process.env.RIPCORD_URL = server.address
    process.env.RIPCORD_TOKEN = token`,
  'docs/tools.md': `import { model } from '${ROOT}/examples/ai-sdk/model.mjs'`,
};

const reasonOf = (block: Block) =>
  NOT_RUN.find(({ page, part }) => page === block.page && block.text.includes(part))?.reason;
const runnable = (page: string, languages: ReadonlySet<string>) =>
  ELSEWHERE.has(page)
    ? []
    : blocksOf(page).filter(
        (block) =>
          languages.has(block.language) && reasonOf(block) === undefined && TOOLS.every((tool) => has(tool, block)),
      );

let standIns: StandIns;
let directory: string;
let image: AsyncDisposable;
beforeAll(async () => {
  standIns = await StandIns.open();
  image = await makeImage();
  // Inside the package, where its own name can be imported.
  directory = mkdtempSync(join(ROOT, 'test/.docs-'));
});
afterAll(async () => {
  await image?.[Symbol.asyncDispose]();
  await standIns?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** A directory to run in, with the files that pages speak of, and the environment to run with. */
async function place(page: string) {
  const temp = await makeTempDir('docs');
  const cwd = join(temp.path, 'here');
  cpSync(FIXTURES, cwd, { recursive: true });
  cpSync(join(ROOT, 'examples'), join(cwd, 'examples'), { recursive: true });
  mkdirSync(join(temp.path, 'state'));
  makeCertificates((name) => join(temp.path, name));
  cpSync(join(temp.path, 'ca.pem'), join(cwd, 'company.pem'));
  const env = {
    ...process.env,
    ...standIns.environment(join(temp.path, 'bin')),
    RIPCORD_SNIPPETS: join(temp.path, 'results.json'),
    XDG_RUNTIME_DIR: join(temp.path, 'state'),
    XDG_STATE_HOME: join(temp.path, 'state'),
    HOME: temp.path,
    NODE_OPTIONS: `--import ${PRELOAD}`,
    PAGE: page,
  };
  return { temp, cwd, env };
}

describe('programs', () => {
  it.each(pages().filter((page) => runnable(page, SCRIPTS).length > 0))(
    'of %s run and print what it shows',
    async (page) => {
      const blocks = runnable(page, SCRIPTS);
      const file = join(directory, `${page.replaceAll(/[/.]/g, '-')}.mjs`);
      writeFileSync(file, moduleOf(blocks, BEFORE[page] ?? ''));
      const { temp, cwd, env } = await place(page);
      try {
        await run(process.execPath, [file], { cwd, env, maxBuffer: 16 << 20 });
        const { results, clean } = JSON.parse(readFileSync(env.RIPCORD_SNIPPETS, 'utf8')) as {
          results: { output: string; error?: string }[];
          clean: boolean;
        };
        const wrong = blocks.flatMap((block, at) => {
          const { output, error } = results[at]!;
          if (error !== undefined) return [`${page}:${block.line}: ${error}`];
          if (block.output === undefined || matches(block.output, output)) return [];
          return [`${page}:${block.line} printed\n${output}`];
        });
        expect(wrong).toEqual([]);
        expect(clean).toBe(true);
      } finally {
        await temp.remove();
      }
    },
  );
});

describe('command lines', () => {
  it.each(pages().filter((page) => runnable(page, SHELLS).length > 0))(
    'of %s run and print what it shows',
    async (page) => {
      const { temp, cwd, env } = await place(page);
      try {
        for (const block of runnable(page, SHELLS)) {
          for (const { command, output } of stepsOf(block)) {
            const server = SERVERS.find(
              (one) => one.page === page && command.includes(one.part) && !command.includes('curl'),
            );
            const printed = server ? await serve(command, server.ready, cwd, env) : await runShell(command, cwd, env);
            const where = `${page}:${block.line}: ${command}`;
            const expected = output !== undefined && matches(output, printed.output) ? output : undefined;
            if (output === undefined) expect([where, printed]).toEqual([where, { code: 0, output: printed.output }]);
            else expect([where, expected ?? printed.output]).toEqual([where, output]);
          }
        }
      } finally {
        await temp.remove();
      }
    },
  );
});

/** Less than a test may take, so that the test still gets to say which command it was. */
const PATIENCE_MS = 90_000;

async function runShell(
  command: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; output: string }> {
  // Without input, MCP servers on stdin and stdout end.
  const child = execFile('bash', ['-c', `exec 2>&1\n${command}`], {
    cwd,
    env,
    maxBuffer: 16 << 20,
    timeout: PATIENCE_MS,
  });
  child.stdin!.end();
  let output = '';
  child.stdout!.on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: code ?? 1, output: signal === null ? output : `${output}\nended by ${signal}` };
}

/** Runs a server until it says that it is there, then ends it as Ctrl+C does. Its ports are any that are free. */
async function serve(command: string, ready: RegExp, cwd: string, env: NodeJS.ProcessEnv) {
  const port = await freePort();
  const line = command
    .replace('--listen 7077', '--listen 0')
    .replace('--listen 7078', '--listen 0')
    .replace('8080:', `${port}:`);
  const child = spawn('bash', ['-c', `exec 2>&1; exec ${line}`], { cwd, env });
  let output = '';
  const closed = once(child, 'close');
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = output;
    output += text;
    if (ready.test(output) && !ready.test(before)) child.kill('SIGINT');
  });
  const [code] = (await closed) as [number];
  clearTimeout(timer);
  return { code: code === 130 ? 0 : code, output };
}

describe('the list of blocks that are not run', () => {
  const all = pages().flatMap(blocksOf);

  it('has a reason for every block that is neither a program nor a command line', () => {
    const others = all.filter(({ language }) => !SCRIPTS.has(language) && !SHELLS.has(language));
    const unexplained = others.filter((block) => reasonOf(block) === undefined);
    expect(unexplained.map(({ page, line, language }) => `${page}:${line} ${language}`)).toEqual([]);
  });

  it('names blocks that are there', () => {
    const stale = NOT_RUN.filter(
      ({ page, part }) => !all.some((block) => block.page === page && block.text.includes(part)),
    );
    expect(stale).toEqual([]);
  });
});
