import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isClean, SandboxManager } from 'ripcord-sandbox';
import {
  answerAnthropic,
  answerOpenAi,
  answerOpenAiResponses,
  createToolbox,
  type Toolbox,
  type ToolResult,
} from 'ripcord-sandbox/tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, until } from '../helpers/audit.js';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { countProcesses, rejection, untilProcesses, useManager } from '../helpers/sandbox.js';

const under = useManager();
let downloads: TempDir;
let seed: TempDir;
let toolbox: Toolbox;

beforeAll(async () => {
  downloads = await makeTempDir('downloads');
  seed = await makeTempDir('seed');
  mkdirSync(join(seed.path, 'lib'));
  writeFileSync(join(seed.path, 'lib/old.txt'), 'one\ntwo\n');
  toolbox = createToolbox({
    manager: under.manager,
    images: ['python', 'node'],
    create: { workspace: { mode: 'copy', seed: seed.path } },
    downloads: downloads.path,
    maxSandboxes: 2,
    maxAnswerBytes: 2000,
    maxKeptBytes: '64k',
    maxTimeoutMs: 20_000,
  });
});
afterAll(async () => {
  await toolbox.close();
  await Promise.all([downloads.remove(), seed.remove()]);
});

/** Calls a tool and checks what it returned against its own output schema. */
async function call(name: string, input: object, options?: Parameters<Toolbox['call']>[2]): Promise<ToolResult> {
  const result = await toolbox.call(name, input, options);
  if (result.value) toolbox.tools.find((tool) => tool.name === name)!.output.parse(result.value);
  return result;
}

const valueFrom = async <T = Record<string, never>>(name: string, input: object): Promise<T> => {
  const { value, text, isError } = await call(name, input);
  if (isError) throw new Error(text);
  return value as T;
};

const defaultSandbox = () => toolbox.session.list()[0]!;

it('a missing file is told as a shell would tell it, a language may go by another name', async () => {
  expect(await toolbox.call('read_file', { path: 'nope' })).toMatchObject({
    isError: true,
    text: 'Cannot read /workspace/nope: no such file or directory (ENOENT)',
  });
  const named = await toolbox.call('run_code', { code: 'print(6 * 7)', language: 'py' });
  expect(named.value).toMatchObject({ stdout: '42\n' });
  const { inputSchema } = toolbox.tools.find(({ name }) => name === 'run_code')!;
  expect(inputSchema.properties?.language).toMatchObject({ enum: ['python', 'javascript', 'typescript', 'bash'] });
  expect(inputSchema.required).toEqual(['code']);
});

describe('running things', () => {
  it('makes a sandbox at the first call and keeps its files, not its processes', async () => {
    const first = await valueFrom<{ sandbox_id: string }>('run_code', { code: 'open("kept","w").write("yes"); x = 1' });
    const second = await call('run_code', { code: 'print(open("kept").read(), "x" in globals())' });
    expect(second.value).toMatchObject({ sandbox_id: first.sandbox_id, stdout: 'yes False\n', exit_code: 0 });
    expect(second.text).toMatch(/^exit code 0 after [\d.]+ s\nstdout:\nyes False\n/);
  });

  it('says what a program’s own failure, a time limit and a missing interpreter are', async () => {
    const [failed, late, missing] = await Promise.all([
      call('run_code', { code: '1/0' }),
      call('exec', { command: 'echo started; sleep 60', timeout_seconds: 2 }),
      call('run_code', { code: '1', language: 'javascript' }),
    ]);
    expect(failed).toMatchObject({ isError: false, value: { outcome: 'exited', exit_code: 1 } });
    expect(failed.text).toContain('ZeroDivisionError');
    expect(late).toMatchObject({ value: { outcome: 'timeout', stdout: 'started\n' } });
    expect(late.text).toMatch(/killed after 2\.00 s, its time limit.*spawn/);
    expect(missing.text).toContain('start_sandbox {"image":"node"}');
  });

  it('runs lines in bash, whatever they begin with', async () => {
    const line = 'mkdir -p x/{a,b} && ls x && rm -r x && [[ a == a ]] && echo "$0"';
    expect(await valueFrom('exec', { command: line })).toMatchObject({ exit_code: 0, stdout: 'a\nb\nbash\n' });
    expect(await valueFrom('exec', { command: '-x; echo on' })).toMatchObject({ stdout: 'on\n' });
    const { command_id: id } = await valueFrom<{ command_id: string }>('spawn', { command: 'echo {c,d}' });
    const said = await valueFrom('read_output', { id, wait_seconds: 20 });
    expect(said).toMatchObject({ stdout: { text: 'c d\n' } });
  });

  it('holds a model to the longest time the operator allows', async () => {
    const limited = createToolbox({ sandbox: defaultSandbox(), maxTimeoutMs: 400 });
    const { text } = await limited.call('exec', { command: 'sleep 60', timeout_seconds: 3600 });
    expect(text).toContain('The longest time limit allowed here is 0.4 s.');
    await limited.close();
    expect(defaultSandbox().closed).toBe(false);
  });

  it('cuts long output and has the rest for read_output, up to the bytes that were kept', async () => {
    const { value, text } = await call('exec', { command: 'seq 1 3000; echo trouble >&2' });
    expect(value).toMatchObject({ truncated: true, stderr: 'trouble\n' });
    const { output_id: id, stdout } = value as { output_id: string; stdout: string };
    expect(stdout).toMatch(/^1\n2\n/);
    expect(stdout).toMatch(/\n2999\n3000\n$/);
    const [, offset] = /read_output \{"id":"o\d+","stream":"stdout","offset":(\d+)\}/.exec(text)!;
    let all = Array.from({ length: 3000 }, (_, i) => `${i + 1}\n`)
      .join('')
      .slice(0, Number(offset));
    for (;;) {
      const { stdout: piece } = await valueFrom<{ stdout: { text: string; next_offset: number; total_bytes: number } }>(
        'read_output',
        { id, stream: 'stdout' },
      );
      all += piece.text;
      if (piece.next_offset === piece.total_bytes) break;
    }
    expect(all).toBe(Array.from({ length: 3000 }, (_, i) => `${i + 1}\n`).join(''));
  });

  it('tells how a command is getting on by its last line', async () => {
    const lines: string[] = [];
    const command = 'for i in 1 2 3 4; do printf "\\033[32mstep %s\\033[0m\\n" $i; sleep 0.3; done';
    await call('exec', { command }, { onProgress: ({ line }) => lines.push(line) });
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines.every((line) => /^step \d$/.test(line))).toBe(true);
  });

  it('shows new pictures, by their content', async () => {
    const code = `import base64
png = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')
import os; os.makedirs('plots', exist_ok=True)
open('plots/dot.png', 'wb').write(png); open('fake.png', 'w').write('<svg>')`;
    const made = await call('run_code', { code });
    expect(made.pictures.map(({ path, mimeType }) => [path, mimeType])).toEqual([
      ['/workspace/plots/dot.png', 'image/png'],
    ]);
    expect(made.pictures[0]!.bytes.subarray(1, 4).toString()).toBe('PNG');
    const again = await call('run_code', { code: 'print("nothing new")' });
    expect(again.pictures).toEqual([]);
    const read = await call('read_file', { path: 'plots/dot.png' });
    expect(read.pictures[0]!.bytes.equals(made.pictures[0]!.bytes)).toBe(true);
  });

  it('an abort kills the whole tree', async () => {
    const abort = new AbortController();
    const running = rejection(
      call('exec', { command: 'setsid sleep 718281 & sleep 718281' }, { signal: abort.signal }),
    );
    await untilProcesses(defaultSandbox(), '718281', 3);
    abort.abort();
    expect(await running).toMatchObject({ code: 'aborted' });
    expect(await countProcesses(defaultSandbox(), '718281')).toBe(0);
  });
});

describe('commands in the background', () => {
  it('are followed, typed into, and ended with all they started', async () => {
    const command = 'read name; echo "hello $name"; setsid sleep 577215 & sleep 577215';
    const { command_id: id } = await valueFrom<{ command_id: string }>('spawn', { command });
    expect(await valueFrom('read_output', { id })).toMatchObject({ running: true, stdout: { text: '' } });
    await valueFrom('write_stdin', { command_id: id, text: 'model\n' });
    const said = await valueFrom('read_output', { id, wait_seconds: 20 });
    expect(said).toMatchObject({ running: true, stdout: { text: 'hello model\n', next_offset: 12 } });
    await untilProcesses(defaultSandbox(), '577215', 3);
    expect(await valueFrom('kill', { command_id: id })).toMatchObject({ running: false, outcome: 'signaled' });
    expect(await countProcesses(defaultSandbox(), '577215')).toBe(0);
    expect((await call('read_output', { id })).text).toMatch(/^killed by SIGTERM/);
    expect(await call('write_stdin', { command_id: id, text: 'x' })).toMatchObject({ isError: true });
  });

  it('with a server in one, fetch_port gets its pages, its pictures and its errors', async () => {
    const { command_id: id } = await valueFrom<{ command_id: string }>('spawn', {
      command: 'exec python3 -m http.server 8000 --directory /workspace',
    });
    const page = await call('fetch_port', { port: 8000, path: '/lib/old.txt', wait_seconds: 20 });
    expect(page).toMatchObject({ value: { status: 200, body: 'one\ntwo\n' } });
    expect((await call('fetch_port', { port: 8000, path: '/plots/dot.png' })).pictures).toHaveLength(1);
    expect(await valueFrom('fetch_port', { port: 8000, path: '/no' })).toMatchObject({ status: 404 });
    await valueFrom('kill', { command_id: id });
    const closed = await call('fetch_port', { port: 8000, wait_seconds: 0.1 });
    expect(closed).toMatchObject({ isError: true, text: expect.stringMatching(/port 8000/) });
  });
});

describe('files', () => {
  it('are written, changed, read by lines and listed', async () => {
    await valueFrom('write_file', { path: 'a/b.py', content: 'one = 1\ntwo = 2\nthree = 3\n' });
    await valueFrom('edit_file', { path: 'a/b.py', old_text: 'two = 2', new_text: 'two = 22' });
    expect(await valueFrom('read_file', { path: 'a/b.py', line: 2, max_lines: 1 })).toMatchObject({
      content: 'two = 22',
      total_lines: 3,
      next_line: 3,
      truncated: true,
    });
    const refused = await call('edit_file', { path: 'a/b.py', old_text: ' = ', new_text: '' });
    expect(refused).toMatchObject({ isError: true, text: expect.stringMatching(/3 times[\s\S]*replace_all/) });
    const { entries } = await valueFrom<{ entries: { path: string }[] }>('list_files', { depth: 2 });
    const paths = entries.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['a', 'a/b.py', 'lib/old.txt']));
  });

  it('say where a piece of text stands with other white space', async () => {
    await valueFrom('write_file', { path: 'tabs.py', content: 'def f(x):\n\tif x:\n\t\treturn 1\n' });
    const missed = await call('edit_file', { path: 'tabs.py', old_text: '    if x:\n        return 1', new_text: '' });
    expect(missed).toMatchObject({
      isError: true,
      text: expect.stringMatching(/does not contain old_text\nLines 2 to 3 have it with other white space/),
    });
    const none = await call('edit_file', { path: 'tabs.py', old_text: 'return 2', new_text: '' });
    expect(none).toMatchObject({ isError: true, text: 'tabs.py does not contain old_text' });
  });

  it('say how long they are where a line behind their end is asked for', async () => {
    await valueFrom('write_file', { path: 'three', content: '1\n2\n3\n' });
    expect(await call('read_file', { path: 'three', line: 9 })).toMatchObject({ text: '[three has 3 lines]' });
    expect(await valueFrom('read_file', { path: 'three', line: 9 })).toMatchObject({ content: '', total_lines: 3 });
  });

  it('are not directories, and what is advised then is in words of the tools', async () => {
    for (const [tool, more] of [
      ['read_file', {}],
      ['edit_file', { old_text: 'a', new_text: 'b' }],
    ] as const) {
      expect(await call(tool, { path: 'lib', ...more })).toMatchObject({
        isError: true,
        text: 'Cannot read /workspace/lib: is a directory (EISDIR)\nName a file in it.',
      });
    }
  });

  it('lie in HOME where their path begins with ~', async () => {
    await valueFrom('write_file', { path: '~/notes/a.txt', content: 'mine\n' });
    const { home, workspace } = defaultSandbox();
    await valueFrom('edit_file', { path: '~/notes/a.txt', old_text: 'mine', new_text: 'yours' });
    expect(await valueFrom('read_file', { path: '~/notes/a.txt' })).toMatchObject({
      path: `${home}/notes/a.txt`,
      content: 'yours\n',
    });
    expect(await valueFrom('list_files', { path: '~', depth: 2 })).toMatchObject({
      entries: expect.arrayContaining([expect.objectContaining({ path: 'notes/a.txt' })]),
    });
    expect(await valueFrom('exec', { command: 'cat a.txt; echo $HOME', cwd: '~/notes' })).toMatchObject({
      stdout: `yours\n${home}\n`,
    });
    expect(await valueFrom('run_code', { code: 'import os; print(os.getcwd())', cwd: '~' })).toMatchObject({
      stdout: `${home}\n`,
    });
    const { command_id: id } = await valueFrom<{ command_id: string }>('spawn', {
      command: 'pwd; read x',
      cwd: '~/notes',
    });
    expect(await valueFrom('read_output', { id, wait_seconds: 10 })).toMatchObject({
      stdout: { text: `${home}/notes\n` },
    });
    await valueFrom('kill', { command_id: id });
    expect(await valueFrom('exec', { command: `cd ${workspace} && ls -d ./~` })).toMatchObject({ exit_code: 2 });
    // The library takes paths as they are.
    await defaultSandbox().files.write('~/literal', '');
    expect(await valueFrom('exec', { command: 'ls ./~ && rm -r ./~' })).toMatchObject({ stdout: 'literal\n' });
  });

  it('are edited only where decoding keeps every byte, and keep their line ends', async () => {
    const { files } = defaultSandbox();
    for (const [name, bytes, reason] of [
      ['latin1', 'caf\xe9 = 1\n', 'not UTF-8 text'],
      ['utf16', '\xff\xfea\0', 'UTF-16'],
    ] as const) {
      await files.write(name, Buffer.from(bytes, 'latin1'));
      const refused = await call('edit_file', { path: name, old_text: 'a', new_text: 'b' });
      expect(refused).toMatchObject({ isError: true, text: expect.stringContaining(reason) });
      expect(await files.read(name)).toEqual(Buffer.from(bytes, 'latin1'));
    }
    await files.write('crlf', 'one\r\ntwo\r\nthree\r\n');
    await valueFrom('edit_file', { path: 'crlf', old_text: 'one\ntwo\n', new_text: '1\n2\n' });
    await valueFrom('edit_file', { path: 'crlf', old_text: 'three', new_text: '3\n4' });
    expect(await files.readText('crlf')).toBe('1\r\n2\r\n3\r\n4\r\n');
    await files.write('mixed', 'a\nb\r\nc\r\n');
    await valueFrom('edit_file', { path: 'mixed', old_text: 'b\nc', new_text: 'B\nC' });
    expect(await files.readText('mixed')).toBe('a\nB\r\nC\r\n');
    await files.write('bom', '\ufeffx = 1\n');
    await valueFrom('edit_file', { path: 'bom', old_text: 'x = 1', new_text: 'x = 2' });
    expect(await files.readText('bom')).toBe('\ufeffx = 2\n');
  });

  it('are edited through a link, which stays one', async () => {
    await call('exec', {
      command: 'mkdir -p real; echo old > real/file; ln -s /workspace/real/file linked; ln -s /etc/hostname out',
    });
    await valueFrom('edit_file', { path: 'linked', old_text: 'old', new_text: 'new' });
    const { stdout } = await valueFrom<{ stdout: string }>('exec', { command: 'test -L linked && cat real/file' });
    expect(stdout).toBe('new\n');
    const refused = await call('edit_file', { path: 'out', old_text: 'a', new_text: 'b' });
    expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('leads out of the workspace') });
    await call('exec', { command: 'rm linked out' });
  });

  it('of any length and kind have an answer', async () => {
    await call('exec', {
      command: 'head -c 5000 /dev/zero | tr "\\0" x > long; head -c 300 /dev/urandom > bytes; seq 5000 > many',
    });
    const long = await call('read_file', { path: 'long' });
    expect(long.text).toContain('[... cut, the line has 5000 bytes]');
    expect((await call('read_file', { path: 'bytes' })).text).toContain('is not text');
    expect(
      (await valueFrom<{ content: string }>('read_file', { path: 'bytes', encoding: 'base64' })).content.length,
    ).toBe(400);
    const lines: string[] = [];
    for (let line: number | undefined = 1; line; ) {
      const part: { content: string; next_line?: number } = await valueFrom('read_file', { path: 'many', line });
      lines.push(...part.content.trimEnd().split('\n'));
      line = part.next_line;
    }
    expect(lines).toHaveLength(5000);
  });

  it('that changed since the seed are shown as a diff', async () => {
    await valueFrom('write_file', { path: 'lib/old.txt', content: 'one\n2\n' });
    const { text, value } = await call('diff', {});
    expect(value).toMatchObject({
      changes: expect.arrayContaining([{ path: 'lib/old.txt', change: 'modified', kind: 'file' }]),
    });
    expect(text).toContain('-two\n+2');
  });

  it('come out to the directory the operator named, and nowhere else', async () => {
    symlinkSync('/tmp', join(downloads.path, 'out'));
    await call('exec', {
      command: 'mkdir -p out && echo x > out/escaped && ln -s /etc/passwd link && ln -s b.py a/inside',
    });
    const { value } = await call('download', { path: '.' });
    expect(readFileSync(join(downloads.path, 'a/b.py'), 'utf8')).toContain('two = 22');
    expect(readlinkSync(join(downloads.path, 'a/inside'))).toBe('b.py');
    expect(existsSync(join(downloads.path, 'link'))).toBe(false);
    expect(existsSync('/tmp/escaped')).toBe(false);
    const { refused } = value as { refused: { path: string }[] };
    expect(refused.map(({ path }) => path).sort()).toEqual(['link', 'out/escaped']);
    for (const path of ['/etc/passwd', '../../etc/passwd', '/workspace/../etc']) {
      expect(await call('download', { path }), path).toMatchObject({ isError: true });
    }
    rmSync(join(downloads.path, 'out'));
  });

  it('come out without what programs of the host obey', async () => {
    mkdirSync(join(downloads.path, '.git'));
    writeFileSync(join(downloads.path, '.git/config'), '[core]');
    const code = `mkdir -p p/.git p/.ripcord/lock p/v/objects p/v/refs .git
      for f in .git/config p/.git/config p/.ripcord/lock/owner p/.envrc p/v/HEAD p/v/objects/a p/v/refs/a; do echo x > $f; done
      echo '{"scripts":{"prepare":"x"}}' > p/package.json; echo run > p/run.sh; chmod 755 p/run.sh`;
    await call('exec', { command: code });
    const { value } = await call('download', { path: '.' });
    const { refused, files } = value as { refused: { path: string }[]; files: string[] };
    expect(refused.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        ...['.git/config', 'p/.git/config', 'p/.ripcord/lock/owner', 'p/.envrc', 'p/package.json'],
        'p/v/HEAD',
      ]),
    );
    expect(files).toContain('p/run.sh');
    expect(readFileSync(join(downloads.path, 'p/run.sh'), 'utf8')).toBe('run\n');
    expect(statSync(join(downloads.path, 'p/run.sh')).mode & 0o111).toBe(0);
    expect(readFileSync(join(downloads.path, '.git/config'), 'utf8')).toBe('[core]');
    expect(readdirSync(join(downloads.path, 'p')).sort()).toEqual(['run.sh', 'v']);
    expect(await call('download', { path: 'p/.envrc' })).toMatchObject({ value: { files: [] } });
    await call('exec', { command: 'rm -rf p .git' });
  });
});

describe('sandboxes', () => {
  it('are as many, and of such images, as the operator allows; a lost default one is replaced and told of', async () => {
    const before = defaultSandbox().id;
    expect((await call('start_sandbox', { image: 'shell' })).text).toMatch(/image.*expected one of "python"\|"node"/);
    const { sandbox_id: id } = await valueFrom<{ sandbox_id: string }>('start_sandbox', { image: 'node' });
    expect(await call('start_sandbox', {})).toMatchObject({
      isError: true,
      text: expect.stringMatching(/2 sandboxes/),
    });
    const js = await valueFrom('run_code', { code: 'console.log(6 * 7)', language: 'javascript', sandbox_id: id });
    expect(js).toMatchObject({ stdout: '42\n', sandbox_id: id });
    expect(await valueFrom('stop_sandbox', { sandbox_id: id })).toMatchObject({ removed: true });
    expect((await call('exec', { command: 'true', sandbox_id: id })).text).toMatch(/is gone: it was stopped/);

    defaultSandbox().parts.client.destroy();
    await until(() => toolbox.session.list().length === 0, 'the loss to be seen');
    const after = await call('exec', { command: 'ls kept' });
    expect(after.text).toContain(`The earlier sandbox ${before} is gone with its files`);
    expect(after.value).toMatchObject({ exit_code: 2 });
    expect((await call('exec', { command: 'true' })).text).not.toContain('earlier sandbox');
  });

  it('that nobody uses are closed, those with a running command are not', async () => {
    const idle = createToolbox({ manager: under.manager, idleMs: 400 });
    await idle.call('spawn', { command: 'sleep 1.5' });
    const [sandbox] = idle.session.list();
    await until(() => sandbox!.closed, 'the idle sandbox to be closed');
    expect([...idle.session.commands.values()][0]!.result?.outcome).toBe('exited');
    await idle.close();
  });

  it('all end with the toolbox, also while one is being made', async () => {
    const manager = await SandboxManager.open({ stateDir: `${under.stateDir}-own` });
    const short = createToolbox({ manager });
    const first = short.call('spawn', { command: 'sleep 600' });
    await first;
    const second = short.call('start_sandbox', {});
    await short.close();
    expect(await second).toMatchObject({ isError: true });
    expect(await containersOf(manager.instance)).toEqual([]);
    expect(isClean(await manager.close())).toBe(true);
  });
});

describe('what a model gets wrong is an answer to the model', () => {
  it.each([
    ['a tool that is not there', 'run_python', {}, /no tool 'run_python'[\s\S]*run_code/],
    ['a misspelt field', 'exec', { command: 'ls', timeout_second: 1 }, /did you mean 'timeout_seconds'/],
    ['a missing field', 'exec', {}, /command/],
    ['no object', 'exec', 'ls', /expected object/],
    ['a file that is not there', 'read_file', { path: 'nope' }, /nope.*ENOENT/],
    ['a path out of the workspace', 'write_file', { path: '../x', content: '' }, /leads out of the workspace/],
    ['a command that is not there', 'kill', { command_id: 'c99' }, /no command 'c99'/],
  ])('%s', async (_title, name, input, expected) => {
    const result = await toolbox.call(name, input);
    expect(result).toMatchObject({ isError: true, value: undefined });
    expect(result.text).toMatch(expected);
  });

  it('in the shapes of the APIs, arguments that are no JSON included', async () => {
    const [good, bad] = await answerOpenAi(toolbox, [
      { id: 'a', type: 'function', function: { name: 'exec', arguments: '{"command":"echo 1"}' } },
      { id: 'b', type: 'function', function: { name: 'exec', arguments: '{"command":' } },
    ]);
    expect(good).toEqual({ role: 'tool', tool_call_id: 'a', content: expect.stringContaining('stdout:\n1\n') });
    expect(bad).toMatchObject({ tool_call_id: 'b', content: expect.stringMatching(/not JSON/) });
    const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    await toolbox.call('write_file', { path: 'dot.png', content: dot, encoding: 'base64' });
    const [item] = await answerOpenAiResponses(toolbox, [
      { type: 'reasoning' },
      { type: 'function_call', call_id: 'c', name: 'read_file', arguments: '{"path":"dot.png"}' },
    ]);
    expect(item!.output[1]).toMatchObject({ type: 'input_image', image_url: `data:image/png;base64,${dot}` });
    const [block] = await answerAnthropic(toolbox, [
      { type: 'text' },
      { type: 'tool_use', id: 'd', name: 'read_file', input: { path: 'dot.png' } },
    ]);
    expect(block).toMatchObject({
      type: 'tool_result',
      tool_use_id: 'd',
      is_error: false,
      content: [{ type: 'text' }, { type: 'image', source: { media_type: 'image/png', data: dot } }],
    });
  });
});
