/** The page about agent loops and the examples: their code is run, and prints what the page says. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir } from '../helpers/fixtures.js';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');

/** A server that speaks the OpenAI chat API: the first answer to a conversation is wrong, the next right. */
class ChatServer {
  readonly asked: { model: string; messages: { role: string; content: string }[] }[] = [];
  readonly #server: Server;

  constructor(answer: (prompt: string) => string) {
    this.#server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => {
        if (request.url !== '/v1/chat/completions' || request.headers.authorization !== 'Bearer key-1') {
          response.writeHead(401).end('no');
          return;
        }
        const body = JSON.parse(text) as ChatServer['asked'][number];
        this.asked.push(body);
        // As a busy server does once in a while.
        if (this.asked.length === 2) {
          response.writeHead(503).end('busy');
          return;
        }
        const content = answer(body.messages.map(({ content: said }) => said).join('\n'));
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content } }] }));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  close(): Promise<unknown> {
    return new Promise((done) => this.#server.close(done));
  }
}

const python = (code: string) => `Here you are:\n\`\`\`python\n${code}\`\`\`\nHope this helps!`;
const env = (url: string, more: object) => ({
  ...process.env,
  OPENAI_BASE_URL: url,
  OPENAI_API_KEY: 'key-1',
  OPENAI_MODEL: 'test-model',
  NO_COLOR: '1',
  ...more,
});

describe('docs/write-your-own-agent-loop.md', () => {
  let directory: string;
  beforeAll(async () => {
    // Inside the package, where its own name can be imported.
    directory = await mkdtemp(join(ROOT, 'test/.docs-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('prints what it says', async () => {
    const page = await readFile(join(ROOT, 'docs/write-your-own-agent-loop.md'), 'utf8');
    const blocks = [...page.matchAll(/^```(js)?\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({ language, text }));
    const code = blocks.filter(({ language }) => language === 'js').map(({ text }) => text);
    // The first plain block is the picture of the loop.
    const printed = blocks.filter(({ language }) => language === undefined).slice(1);
    expect(code).toHaveLength(printed.length);
    await writeFile(join(directory, 'page.mjs'), code.join('\n'));
    const server = new ChatServer((prompt) =>
      python(
        prompt.includes('This is wrong')
          ? 'def leap(year):\n    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)\n'
          : 'def leap(year):\n    return year % 4 == 0\n',
      ),
    );
    await using project = await makeTempDir('docs');
    try {
      const { stdout } = await run(process.execPath, ['page.mjs'], {
        cwd: directory,
        env: env(await server.listen(), { PROJECT: join(project.path, 'project') }),
      });
      expect(stdout).toBe(printed.map(({ text }) => text).join(''));
      expect(server.asked.map(({ model }) => model)).toEqual(Array(3).fill('test-model'));
      expect(await readFile(join(project.path, 'project/leap.py'), 'utf8')).toContain('year % 400 == 0');
    } finally {
      await server.close();
    }
  });
});

describe('examples', () => {
  it('llm/: a model behind the OpenAI API writes a function, and betters it when told what is wrong', async () => {
    const right = `def roman(number):
    if not 1 <= number <= 3999:
        raise ValueError(number)
    numeral = ''
    for value, letters in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), 'M CM D CD C XC L XL X IX V IV I'.split()):
        count, number = divmod(number, value)
        numeral += letters * count
    return numeral
`;
    const server = new ChatServer((prompt) =>
      python(prompt.includes('This is wrong') ? right : "def roman(number):\n    return 'I'\n"),
    );
    await using target = await makeTempDir('llm');
    try {
      const { stdout } = await run(process.execPath, ['dist/cli/main.js', 'iterate', 'examples/llm/spec.mjs'], {
        cwd: ROOT,
        env: env(await server.listen(), { RIPCORD_TARGET: target.path }),
      });
      expect(stdout).toMatch(/passed .* 2 of 2 tests passed/);
      expect(await readFile(join(target.path, 'roman.py'), 'utf8')).toBe(right);
      // Three branches, each told once what was wrong, and one answer that had to be asked for twice.
      expect(server.asked).toHaveLength(7);
    } finally {
      await server.close();
    }
  });
});
