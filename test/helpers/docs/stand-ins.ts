/** Local stand-ins for the world that snippets of the documentation speak to: a web site, package registries, a model. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { DockerBackend } from '../../../src/backends/docker/docker-backend.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const COWSAY = 'def cow(text):\n    print(f"< {text} >")\n';
export const HOST = 'host.ripcord.internal';

export class StandIns implements AsyncDisposable {
  readonly #server: Server;
  /** `authorization` of each request to the API, as the server of it sees it. */
  readonly seen: string[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async open(): Promise<StandIns> {
    const standIns = new StandIns();
    standIns.#server.listen(0, '127.0.0.1');
    await once(standIns.#server, 'listening');
    return standIns;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The environment of a snippet: where its world is. `bin` is a directory for the programs it calls. */
  environment(bin: string): Record<string, string> {
    const url = `http://127.0.0.1:${this.port}`;
    makePrograms(bin, url);
    return {
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      NO_COLOR: '1',
      RIPCORD_STANDIN: url,
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      NO_PROXY: '127.0.0.1,localhost',
      API_TOKEN: 'secret',
      OPENAI_BASE_URL: `${url}/openai`,
      OPENAI_API_KEY: 'key',
      OPENAI_MODEL: 'model',
      RIPCORD_SNIPPET_ENV: JSON.stringify({ PIP_TRUSTED_HOST: HOST, PIP_DISABLE_PIP_VERSION_CHECK: '1' }),
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').replace(/^http:\/\/[^/]+/, '');
    const host = `http://${request.headers.host}`;
    if (request.headers.authorization) this.seen.push(request.headers.authorization);
    if (path.startsWith('/openai')) return response.end(JSON.stringify(await answerOfModel(request))) as never;
    const file = await registryFile(path, host);
    if (path.startsWith('/simple/')) response.setHeader('content-type', 'text/html');
    if (file) response.end(file);
    else if (path === '/missing') response.writeHead(404).end();
    else response.end(`hello from ${request.headers.host?.replace(/:\d+$/, '')}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** A model that asks for one program, and repeats its output. */
async function answerOfModel(request: IncomingMessage): Promise<object> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part;
  const { messages, tools = [] } = JSON.parse(text) as {
    messages: { role: string; content: string }[];
    tools?: unknown[];
  };
  const last = messages.at(-1)!;
  if (last.role === 'tool' || tools.length === 0) {
    const number = /^\d+$/m.exec(last.content)?.[0];
    return { choices: [{ message: { role: 'assistant', content: `There are ${number}.` } }] };
  }
  const code = 'print(sum(all(n % d for d in range(2, int(n ** 0.5) + 1)) for n in range(2, 10_000)))';
  const call = { name: 'run_code', arguments: JSON.stringify({ code }) };
  const tool_calls = [{ id: 'call_1', type: 'function', function: call }];
  return { choices: [{ message: { role: 'assistant', content: null, tool_calls } }] };
}

/** The Python package `cowsay` and the npm package `is-number`, as an index and a registry serve them. */
async function registryFile(path: string, host: string): Promise<string | Buffer | undefined> {
  if (path === '/simple/cowsay/')
    return `<a href="${host}/files/cowsay-1.0-py3-none-any.whl">cowsay-1.0-py3-none-any.whl</a>`;
  if (path === '/files/cowsay-1.0-py3-none-any.whl') return wheel();
  if (path === '/is-number') return JSON.stringify(await npmDocument(host));
  if (path === '/files/is-number-7.0.0.tgz') return await npmPackage();
  return undefined;
}

/** A wheel: a zip archive, here without compression. */
function wheel(): Buffer {
  const info = 'cowsay-1.0.dist-info';
  return zip({
    'cowsay.py': COWSAY,
    [`${info}/METADATA`]: 'Metadata-Version: 2.1\nName: cowsay\nVersion: 1.0\n',
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: '',
  });
}

/** Makes a zip archive without compression, as 4.3 of PKWARE's APPNOTE describes it. */
function zip(files: Record<string, string>): Buffer {
  const [parts, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const [path, data] = [Buffer.from(name), Buffer.from(text)];
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x21, 8);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(path.length, 22);
    const entry = Buffer.concat([Buffer.from('PK\x03\x04'), fields, path, data]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE((0o100644 << 16) >>> 0, 6);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), fields, place, path]));
    parts.push(entry);
    offset += entry.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(list.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, list, Buffer.from('PK\x05\x06'), end]);
}

async function npmPackage(): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: 'package/package.json' }, JSON.stringify({ name: 'is-number', version: '7.0.0' }));
  archive.entry({ name: 'package/index.js' }, 'module.exports = (value) => Number.isFinite(Number(value));\n');
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

async function npmDocument(host: string): Promise<object> {
  const integrity = `sha512-${createHash('sha512')
    .update(await npmPackage())
    .digest('base64')}`;
  const dist = { tarball: `${host}/files/is-number-7.0.0.tgz`, integrity };
  return {
    name: 'is-number',
    'dist-tags': { latest: '7.0.0' },
    versions: { '7.0.0': { name: 'is-number', version: '7.0.0', dist } },
  };
}

/** `ripcord`, `npx` that runs nothing else, and the package managers of this machine, set to the stand-in. */
function makePrograms(bin: string, url: string): void {
  mkdirSync(bin, { recursive: true });
  const program = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  const main = `exec '${process.execPath}' '${join(ROOT, 'dist/cli/main.js')}'`;
  program('ripcord', `${main} "$@"`);
  program('npx', `[ "$1 $2" = '--no-install ripcord' ] || { echo "npx $*" >&2; exit 9; }\nshift 2\n${main} "$@"`);
  const answer = (pattern: string, text: string) => `*'${pattern}'*) echo "${text}" ;;`;
  program('pip3', `case "$*" in ${answer('config list', `global.index-url='${url}/simple/'`)} *) echo ok ;; esac`);
  program(
    'npm',
    `case "$*" in ${answer('config list', `registry = ${url}/`)} ${answer('config get registry', `${url}/`)} *) echo ok ;; esac`,
  );
}

/** The image of docs/images.md, without an index of packages: `cowsay` comes as a file. */
export async function makeImage(): Promise<AsyncDisposable> {
  const context = pack();
  context.entry({ name: 'cowsay.py' }, COWSAY);
  context.entry({ name: 'Dockerfile' }, 'FROM ripcord/python\nCOPY cowsay.py /usr/lib/python3/dist-packages/\n');
  context.finalize();
  const { docker } = DockerBackend.open();
  const build = await docker.buildImage(context as never, { t: 'my-python' });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(build, (error) => (error ? reject(error) : resolve()));
  });
  return {
    [Symbol.asyncDispose]: () =>
      docker
        .getImage('my-python')
        .remove()
        .then(() => {}),
  };
}
