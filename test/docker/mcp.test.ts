import { execFile, spawn } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  type CallToolResult,
  type Progress,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../helpers/audit.js';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { sendSlowly } from '../helpers/slow-body.js';
import { leftOf, MAIN, NOTHING, type Running, start } from './cli-process.js';

const call = async (client: Client, name: string, input: object, options?: Parameters<Client['callTool']>[2]) =>
  (await client.callTool({ name, arguments: { ...input } }, undefined, options)) as CallToolResult & {
    structuredContent: Record<string, never>;
  };

/** How many processes in the default sandbox have the number in their command line. */
async function countIn(client: Client, marker: string): Promise<number> {
  const command = `grep -als '${marker.slice(0, -1)}[${marker.slice(-1)}]' /proc/[0-9]*/cmdline | wc -l`;
  return Number((await call(client, 'exec', { command })).structuredContent.stdout);
}

describe('over stdio, with the official client', () => {
  let client: Client;
  let transport: StdioClientTransport;
  const updated: string[] = [];
  let listChanges = 0;

  beforeAll(async () => {
    transport = new StdioClientTransport({
      command: process.execPath,
      args: [MAIN, 'mcp', '--image', 'python', '--max-output', '1k', '--memory', '256m'],
      env: process.env as Record<string, string>,
    });
    client = new Client({ name: 'test', version: '1' });
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri));
    client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void listChanges++);
    await client.connect(transport);
  });
  afterAll(async () => {
    const { pid } = transport;
    await client.close();
    await until(async () => JSON.stringify(await leftOf(pid!)) === JSON.stringify(NOTHING), 'all to be gone');
  });

  it('offers described tools with schemas, hints and what they return', async () => {
    expect(client.getServerVersion()).toMatchObject({ name: 'ripcord' });
    const { tools } = await client.listTools();
    const named = new Map(tools.map((tool) => [tool.name, tool]));
    expect(named.get('read_file')!.annotations).toMatchObject({ readOnlyHint: true, destructiveHint: false });
    expect(named.get('exec')!.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true });
    expect(named.get('exec')!.outputSchema).toMatchObject({ properties: { exit_code: {} } });
    // The options do not name a directory of the host.
    expect(named.has('download')).toBe(false);
  });

  it('runs code without a start, within the limits the operator set; the client checks what is returned', async () => {
    const { content, structuredContent } = await call(client, 'run_code', { code: 'print(6 * 7)' });
    expect(structuredContent).toMatchObject({ stdout: '42\n', exit_code: 0 });
    expect(content).toEqual([{ type: 'text', text: expect.stringContaining('stdout:\n42\n') }]);
    const greedy = await call(client, 'run_code', { code: 'x = bytearray(400 * 1024 ** 2)' });
    expect(greedy.structuredContent).toMatchObject({ outcome: 'oom' });
    const wider = await call(client, 'start_sandbox', { image: 'shell' });
    expect(wider.isError).toBe(true);
    const limits = await call(client, 'start_sandbox', { limits: { memory: '8g' } });
    expect(limits).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("'limits'") }] });
  });

  it('cuts what is too long for a model and has the rest', async () => {
    const { structuredContent } = await call(client, 'exec', { command: 'seq 1 2000' });
    expect(structuredContent).toMatchObject({ truncated: true });
    const id = structuredContent.output_id;
    const more = await call(client, 'read_output', { id, stream: 'stdout', offset: 4000, max_bytes: 100 });
    expect(more.structuredContent).toMatchObject({ stdout: { offset: 4000, next_offset: 4100, total_bytes: 8893 } });
  });

  it('reports progress with the last line of output', async () => {
    const seen: Progress[] = [];
    const command = 'for i in 1 2 3; do echo line $i; sleep 0.4; done';
    await call(client, 'exec', { command }, { onprogress: (progress) => seen.push(progress) });
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(seen[0]!.message).toMatch(/^line \d$/);
    expect(seen.map(({ progress }) => progress)).toEqual(
      seen.map(({ progress }) => progress).toSorted((a, b) => a - b),
    );
  });

  it('a cancelled call kills the whole tree', async () => {
    const abort = new AbortController();
    let started!: () => void;
    const running = new Promise<void>((resolve) => (started = resolve));
    const command = 'echo started; setsid sleep 314159 & sleep 314159';
    const cancelled = call(client, 'exec', { command }, { signal: abort.signal, onprogress: () => started() });
    await running;
    await until(async () => (await countIn(client, '314159')) > 0, 'the command to run');
    abort.abort();
    await expect(cancelled).rejects.toThrow();
    await until(async () => (await countIn(client, '314159')) === 0, 'the tree to be dead');
  });

  it('shows what matplotlib drew', async () => {
    const code = `import matplotlib; matplotlib.use('Agg')
import matplotlib.pyplot as plt
plt.plot([1, 3, 2]); plt.savefig('plot.png', dpi=40)`;
    const { content, structuredContent } = await call(client, 'run_code', { code });
    expect(structuredContent).toMatchObject({ exit_code: 0, pictures: ['/workspace/plot.png'] });
    const image = content.find(({ type }) => type === 'image') as { mimeType: string; data: string };
    expect(image.mimeType).toBe('image/png');
    // IHDR: the picture's width, at 40 dots an inch.
    expect(Buffer.from(image.data, 'base64').readUInt32BE(16)).toBe(256);
  });

  it('has workspace files as resources: list, read, template, changes', async () => {
    await call(client, 'write_file', { path: 'notes/ä b.txt', content: 'one' });
    const { resources } = await client.listResources();
    const { uri } = resources.find(({ name }) => name === 'notes/ä b.txt')!;
    expect(await client.readResource({ uri })).toMatchObject({
      contents: [{ uri, mimeType: 'text/plain', text: 'one' }],
    });
    const plot = resources.find(({ name }) => name === 'plot.png')!;
    expect(await client.readResource({ uri: plot.uri })).toMatchObject({ contents: [{ mimeType: 'image/png' }] });
    expect((await client.listResourceTemplates()).resourceTemplates[0]!.uriTemplate).toMatch(/^sandbox:\/\/\{/);
    for (const wrong of [
      `${uri}.no`,
      'sandbox://000000000000/x',
      'file:///etc/passwd',
      uri.replace('notes', '..%2F..'),
    ]) {
      await expect(client.readResource({ uri: wrong }), wrong).rejects.toThrow();
    }
    await client.subscribeResource({ uri });
    await call(client, 'exec', { command: 'echo two > "notes/ä b.txt"; touch another' });
    await until(() => updated.includes(uri) && listChanges > 0, 'both notifications');
    await client.unsubscribeResource({ uri });
  });
});

describe('whatever ends the client over stdio, nothing is left', () => {
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
  };
  const busy = {
    jsonrpc: '2.0',
    id: 2,
    method: 'tools/call',
    params: {
      name: 'exec',
      arguments: { command: 'echo up; setsid sleep 600 & sleep 600' },
      _meta: { progressToken: 1 },
    },
  };

  it.each(['SIGKILL', 'SIGTERM'] as const)('%s in the middle of a call', async (signal) => {
    // The client is a process of its own that starts the server, as clients do.
    const program = `
      const { spawn } = require('node:child_process');
      const server = spawn(process.execPath, [${JSON.stringify(MAIN)}, 'mcp'], { stdio: ['pipe', 'pipe', 'inherit'] });
      for (const message of ${JSON.stringify([initialize, busy])}) server.stdin.write(JSON.stringify(message) + '\\n');
      server.stdout.on('data', (data) => { if (String(data).includes('notifications/progress')) console.log(server.pid); });`;
    const client = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((resolve) =>
      client.stdout.once('data', (text) => resolve(Number.parseInt(text, 10))),
    );
    expect((await leftOf(pid)).containers).toHaveLength(1);
    client.kill(signal);
    await until(async () => JSON.stringify(await leftOf(pid)) === JSON.stringify(NOTHING), 'all to be gone', 15_000);
    await until(() => !isAlive(pid), 'the server to be gone');
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('over HTTP', () => {
  let server: Running;
  let directory: TempDir;
  let url: URL;
  let token: string;

  beforeAll(async () => {
    directory = await makeTempDir('mcp');
    const tokenFile = join(directory.path, 'token');
    server = start([
      'mcp',
      '--listen',
      '0',
      '--token-file',
      tokenFile,
      '--image',
      'base',
      '--grace',
      '1s',
      '--max-sessions',
      '3',
    ]);
    url = new URL((await server.waitFor(/MCP at (http:\/\/127\.0\.0\.1:\d+\/mcp)/))[1]!);
    token = (await server.waitFor(/shown once.*: ([\w-]{43})\s/))[1]!;
  });
  afterAll(async () => {
    const ended = await server.signal('SIGTERM');
    expect(ended.code).toBe(143);
    expect(await leftOf(ended.pid)).toEqual(NOTHING);
    await directory.remove();
  });

  const connect = async () => {
    const transport = new StreamableHTTPClientTransport(url, {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport);
    return { client, transport };
  };

  it('serves clients apart from each other, and ends what one that leaves had', async () => {
    const [one, two] = [await connect(), await connect()];
    const seen: Progress[] = [];
    const command = 'for i in 1 2 3; do echo line $i; sleep 0.4; done; echo mine > f';
    await call(one.client, 'exec', { command }, { onprogress: (progress) => seen.push(progress) });
    expect(seen[0]!.message).toMatch(/^line \d$/);
    const other = await call(two.client, 'exec', { command: 'ls' });
    expect(other.structuredContent).toMatchObject({ stdout: '', exit_code: 0 });
    expect((await leftOf(server.child.pid!)).containers).toHaveLength(2);
    await one.transport.terminateSession();
    await one.client.close();
    await until(async () => (await leftOf(server.child.pid!)).containers.length === 1, 'the sandbox to be gone');
    // Gone without a word: its stream breaks off, and the grace is over.
    await two.client.close();
    await until(async () => (await leftOf(server.child.pid!)).containers.length === 0, 'the other one to be gone');
  });

  it('a client that is killed leaves nothing, its command included', async () => {
    const sdk = import.meta.resolve('@modelcontextprotocol/sdk/client/index.js');
    const http = import.meta.resolve('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const program = `
      import { Client } from ${JSON.stringify(sdk)};
      import { StreamableHTTPClientTransport } from ${JSON.stringify(http)};
      const headers = { authorization: 'Bearer ${token}' };
      const client = new Client({ name: 'killed', version: '1' });
      await client.connect(new StreamableHTTPClientTransport(new URL('${url}'), { requestInit: { headers } }));
      const options = { onprogress: () => console.log('busy') };
      await client.callTool({ name: 'exec', arguments: { command: 'echo up; sleep 600' } }, undefined, options);`;
    const client = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => client.stdout.once('data', resolve));
    expect((await leftOf(server.child.pid!)).containers).toHaveLength(1);
    client.kill('SIGKILL');
    await until(async () => (await leftOf(server.child.pid!)).containers.length === 0, 'its sandbox to be gone');
  });

  const ask = (headers: Record<string, string>, body = '{}', path = url.pathname, method = 'POST') =>
    new Promise<number>((resolve, reject) => {
      const { port } = url;
      request(
        { host: '127.0.0.1', port, path, method, headers: { 'content-type': 'application/json', ...headers } },
        (r) => {
          r.resume();
          resolve(r.statusCode!);
        },
      )
        .on('error', reject)
        .end(body);
    });

  it('refuses whoever has no token, comes from a page, or by another name', async () => {
    const good = { authorization: `Bearer ${token}` };
    const cases: [title: string, status: number, Parameters<typeof ask>][] = [
      ['no token', 401, [{}]],
      ['a wrong token', 401, [{ authorization: `Bearer ${token.slice(1)}x` }]],
      ['a token in the URL', 400, [good, '{}', `/mcp?token=${token}`]],
      ['another origin', 403, [{ ...good, origin: 'https://evil.test' }]],
      ['a name that resolves here', 421, [{ ...good, host: 'evil.test' }]],
      ['a form', 415, [{ ...good, 'content-type': 'text/plain' }]],
      ['no JSON', 400, [good, '{']],
      ['no session', 400, [good, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}']],
      ['a session that is not there', 404, [{ ...good, 'mcp-session-id': 'x' }, '{}']],
      ['another path', 404, [good, '{}', '/']],
      ['too much', 413, [good, `"${'x'.repeat(9 * 1024 ** 2)}"`]],
    ];
    for (const [title, status, args] of cases) expect(await ask(...args), title).toBe(status);
  });

  it('a client that is still sending a refused body gets the answer', async () => {
    const head = ['POST /mcp HTTP/1.1', `authorization: Bearer ${token}`, 'content-type: application/json'];
    expect(await sendSlowly(Number(url.port), head, 12 * 1024 ** 2)).toBe('HTTP/1.1 413 Payload Too Large');
    const page = [...head.slice(0, 2), 'content-type: text/plain'];
    expect(await sendSlowly(Number(url.port), page, 1024 ** 2)).toBe('HTTP/1.1 415 Unsupported Media Type');
  });

  it('takes no more clients than it may', async () => {
    const connected = await Promise.all([connect(), connect(), connect()]);
    await expect(connect()).rejects.toThrow(/3 clients/);
    for (const { client, transport } of connected) {
      await transport.terminateSession();
      await client.close();
    }
  });
});

it('does not listen where others reach it unless told so', async () => {
  await using home = await makeTempDir('mcp-public');
  const running = start(['mcp', '--listen', '0.0.0.0:0'], { env: { XDG_RUNTIME_DIR: home.path } });
  const { code, stderr } = await running.ended;
  expect({ code, stderr }).toMatchObject({ code: 125, stderr: expect.stringMatching(/other machines[\s\S]*--public/) });
});

// It brings 160 MB of its own: not for every run.
it.runIf(process.env.RIPCORD_LONG)('answers the MCP inspector’s command line', { timeout: 600_000 }, async () => {
  const server = ['--cli', process.execPath, MAIN, 'mcp'];
  const inspect = async (...args: string[]) => {
    const npx = ['--yes', '@modelcontextprotocol/inspector@1.0.3', ...server, ...args];
    return JSON.parse((await promisify(execFile)('npx', npx)).stdout);
  };
  const { tools } = await inspect('--method', 'tools/list');
  expect(tools.map(({ name }: { name: string }) => name)).toContain('run_code');
  const result = await inspect('--method', 'tools/call', '--tool-name', 'run_code', '--tool-arg', 'code=print(6*7)');
  expect(result.structuredContent).toMatchObject({ stdout: '42\n' });
});
