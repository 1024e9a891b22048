import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leftOf, NOTHING, ripcord, start } from './cli-process.js';

let directory: string;
const file = (name: string, content: string, mode = 0o644): string => {
  const full = path.join(directory, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, content);
  chmodSync(full, mode);
  return full;
};
const lstatOf = (name: string) => lstatSync(name, { throwIfNoEntry: false });
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the exit code is the program’s own, or says what became of it', () => {
  const table: [title: string, args: string[], code: number, stderr: RegExp][] = [
    ['success', ['-c', 'print(1)'], 0, /^$/],
    ['its own code', ['-c', 'raise SystemExit(42)'], 42, /^$/],
    ['its own 125', ['-c', 'raise SystemExit(125)'], 125, /^$/],
    ['an exception', ['-c', '1/0'], 1, /ZeroDivisionError/],
    ['a time-out', ['-c', 'import time; time.sleep(60)', '-t', '300ms'], 124, /timed out after 300 ms/],
    ['no memory left', ['-c', 'x = bytearray(10**9)', '--memory', '64m'], 137, /out of memory.*64 MiB/],
    ['a signal', ['-c', 'kill -SEGV $$', '-l', 'bash'], 139, /ended by SIGSEGV/],
    ['SIGKILL by itself', ['-c', 'kill -KILL $$', '-l', 'bash'], 137, /ended by SIGKILL/],
    ['a directory', ['.'], 125, /run: \. is a directory[\s\S]*hint: .*--seed \./],
    ['a seed that is not there', ['-c', '1', '--seed', '/no/dir'], 125, /\/no\/dir as a seed: it does not exist/],
    ['too little memory', ['-c', '1', '--memory', '5'], 125, /^ripcord: --memory: must be at least 16m \(got "5"\)\n$/],
    ['a file that is not there', ['/no/such/file.py'], 125, /cannot read .*there is no such file/],
    [
      'an image that is not there',
      ['-c', '1', '--image', 'no-such-image'],
      125,
      /no image 'no-such-image'[\s\S]*hint:/,
    ],
    [
      'an interpreter the image lacks',
      ['-c', 'print(1)', '-l', 'js', '--image', 'base'],
      127,
      /could not be started: 'node'/,
    ],
    ['a wrong value', ['-c', '1', '--memory', 'lots'], 125, /memory.*got "lots"/],
    ['an unknown option', ['-c', '1', '--memry', '1g'], 125, /unknown option '--memry'[\s\S]*--memory/],
    ['no engine', ['-c', '1', '--docker', 'unix:///no/engine.sock'], 125, /no\/engine.sock[\s\S]*hint:/],
    ['nothing to run', [], 125, /nothing to run/],
    ['no host', ['-c', '1', '--allow', 'http://a.test'], 125, /--allow: 'http:\/\/a\.test'[\s\S]*hint:/],
    ['a list and a bridge', ['-c', '1', '--allow', 'a.test', '--network', 'bridge'], 125, /exclude each other/],
    ['exceptions to nothing', ['-c', '1', '--deny', 'a.test'], 125, /--deny needs --allow/],
  ];
  it.each(table)('%s', async (_title, args, code, stderr) => {
    const ended = await ripcord(['run', ...args]);
    expect(ended.stderr).toMatch(stderr);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
    expect(ended.code).toBe(code);
  });

  it('126 for a file that cannot be executed, 127 for one whose interpreter is missing', async () => {
    const bad = await ripcord(['run', file('bad', '#!/etc/passwd\n'), '--image', 'base']);
    const missing = await ripcord(['run', file('missing', '#!/no/interpreter\n'), '--image', 'base']);
    expect([bad.code, missing.code]).toEqual([126, 127]);
  });
});

describe('what goes in', () => {
  it('passes arguments as they are: spaces, newlines, quotes, dashes, nothing', async () => {
    const args = ['a b', 'new\nline', '"\'$HOME`', '--json', '', '-'];
    const script = file('args.py', 'import sys, json; print(json.dumps(sys.argv[1:]))');
    const { stdout } = await ripcord(['run', script, '--', ...args]);
    expect(JSON.parse(stdout)).toEqual(args);
  });

  it('passes stdin through, byte for byte, and its end', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256));
    const code = 'import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())';
    const ended = await ripcord(['run', '-c', code], { stdin: bytes });
    expect(ended.bytes.equals(bytes)).toBe(true);
  });

  it('gives no input with --no-stdin', async () => {
    const { stdout } = await ripcord(['run', '-c', 'cat; echo end', '-l', 'bash', '--no-stdin'], { stdin: 'input' });
    expect(stdout).toBe('end\n');
  });

  it('reads the program from stdin with -', async () => {
    const { stdout } = await ripcord(['run', '-'], { stdin: '#!/usr/bin/env bash\necho $((6 * 7))\n' });
    expect(stdout).toBe('42\n');
  });

  it('takes the language from the extension, the #! line or --lang', async () => {
    const runs = await Promise.all([
      ripcord(['run', file('a.ts', 'const a: number = 1; console.log(a)')]),
      ripcord(['run', file('b', '#!/usr/bin/env python3\nprint(2)')]),
      ripcord(['run', file('c.txt', 'echo 3'), '--lang', 'sh']),
      ripcord(['run', file('d.txt', 'what is it')]),
    ]);
    expect(runs.map(({ stdout }) => stdout)).toEqual(['1\n', '2\n', '3\n', '']);
    expect(runs[3]!.stderr).toMatch(/cannot tell the language[\s\S]*--lang/);
  });

  it('sets variables, and takes those without a value from here', async () => {
    const code = 'import os; print(os.environ["A"], os.environ["B"], os.environ.get("C"), os.environ.get("SECRET"))';
    const env = { B: 'from here', SECRET: 'not asked for' };
    const { stdout } = await ripcord(['run', '-c', code, '-e', 'A=x=y', '-e', 'B', '-e', 'C'], { env });
    expect(stdout).toBe('x=y from here None None\n');
  });

  it('takes ~ for the home directory here, and for HOME in the sandbox', async () => {
    file('seed/data.txt', 'seeded');
    const code = 'cat /workspace/data.txt; echo made > /workspace/made; pwd; echo $HOME';
    const line = ['run', '-c', code, '-l', 'bash', '--seed=~/seed', '--out=~/out', '--cwd=~'];
    const { stdout } = await ripcord(line, { env: { HOME: directory } });
    expect(stdout).toMatch(/^seeded(.+)\n\1\n$/);
    expect(readFileSync(path.join(directory, 'out/made'), 'utf8')).toBe('made\n');
    file('tilde.py', 'print(1)');
    expect((await ripcord(['run', '~/tilde.py'], { env: { HOME: directory } })).stdout).toBe('1\n');
  });

  it('runs a file of the seed in its place, beside its neighbours', async () => {
    file('lib/other.py', 'answer = 42');
    const script = file('lib/main.py', 'import other; print(__file__, other.answer)');
    const { stdout } = await ripcord(['run', script, '--seed', directory]);
    expect(stdout).toBe('/workspace/lib/main.py 42\n');
  });
});

describe('what comes out', () => {
  it('sends exact bytes into a pipe, control sequences and broken UTF-8 included', async () => {
    const code = 'import os; os.write(1, b"\\x1b[2J\\xff\\x00"); os.write(2, b"\\x1b]0;t\\x07")';
    const ended = await ripcord(['run', '-c', code]);
    expect(ended.bytes).toEqual(Buffer.from([0x1b, 0x5b, 0x32, 0x4a, 0xff, 0x00]));
    expect(ended.stderr).toBe('\x1b]0;t\x07');
  });

  it('comes live', async () => {
    using running = start(['run', '-c', 'print("early", flush=True); input(); print("late")']);
    await running.waitFor(/early/);
    expect(running.screen).not.toContain('late');
    running.child.stdin!.write('\n');
    expect((await running.ended).stdout).toBe('early\nlate\n');
  });

  it('is one document with --json, with output, outcome, usage and receipt', async () => {
    const { stdout, code } = await ripcord(['run', '-c', 'print("hi"); raise SystemExit(3)', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'exited',
      exitCode: 3,
      exit: 3,
      image: 'python',
      stdout: 'hi\n',
      stderr: '',
      truncated: false,
      usage: { cpuMs: expect.any(Number), maxRssBytes: expect.any(Number) },
      receipt: { sandboxes: 1, left: { containers: 0, volumes: 0, directories: 0 }, errors: [] },
    });
    expect(code).toBe(3);
  });

  it('is a document with --json when Ripcord itself fails, too', async () => {
    const { stdout, code } = await ripcord(['run', '-c', '1', '--image', 'no-such-image', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'image-not-found', hint: expect.any(String) } });
    expect(code).toBe(125);
  });

  it('copies what changed to --out: not the program, not what the seed had, no links', async () => {
    const seed = path.join(directory, 'seed');
    file('seed/same.txt', 'same');
    file('seed/changed.txt', 'old');
    file('seed/gone.txt', 'gone');
    const script = file(
      'work.sh',
      'echo new > changed.txt; rm gone.txt; mkdir -p a/b a/__pycache__; echo deep > a/b/c; chmod 755 a/b/c; ln -s /etc/passwd link; echo x > a/__pycache__/x',
    );
    const out = path.join(directory, 'out');
    const { stderr, code } = await ripcord(['run', script, '--seed', seed, '--out', out]);
    expect(code).toBe(0);
    expect(readFileSync(path.join(out, 'changed.txt'), 'utf8')).toBe('new\n');
    expect(readFileSync(path.join(out, 'a/b/c'), 'utf8')).toBe('deep\n');
    expect(statSync(path.join(out, 'a/b/c')).mode & 0o111).toBe(0o111);
    for (const name of ['same.txt', 'gone.txt', 'link', 'work.sh'])
      expect(existsSync(path.join(out, name))).toBe(false);
    expect(stderr).toMatch(/2 changed files copied .*1 deleted in the sandbox/);
    expect(stderr).toMatch(/not copied: link/);
    expect(stderr).toMatch(/1 path left out: a\/__pycache__/);
    const { changes } = JSON.parse(readFileSync(`${out}.ripcord.json`, 'utf8'));
    expect(changes.map(({ change, path: at }: { change: string; path: string }) => `${change} ${at}`)).toEqual([
      'added a',
      'added a/b',
      'added a/b/c',
      'modified changed.txt',
      'deleted gone.txt',
    ]);
    const applied = await ripcord(['apply', seed, out, '--to', seed, '--allow-rule', 'executable']);
    expect(applied.code).toBe(0);
    expect(existsSync(path.join(seed, 'gone.txt'))).toBe(false);
    expect(readFileSync(path.join(seed, 'same.txt'), 'utf8')).toBe('same');
  });

  it('writes nothing that programs obey into a directory that is not empty, unless it is allowed', async () => {
    file('project/.git/config', '[core]');
    file('project/a', 'a');
    const project = path.join(directory, 'project');
    const code =
      'mkdir -p .git/hooks; echo x > .git/config; echo x > .envrc; echo x > b; echo x > r.ripcord.json; exit 7';
    const args = ['run', '-c', code, '-l', 'bash', '--seed', project, '--out', project];
    const first = await ripcord(args);
    expect(first.code).toBe(7);
    expect(first.stderr).toMatch(/not written: \.envrc: a shell/);
    expect(first.stderr).toMatch(/not written: \.git\/config: git/);
    expect(existsSync(path.join(project, '.envrc'))).toBe(false);
    expect(readFileSync(path.join(project, '.git/config'), 'utf8')).toBe('[core]');
    expect(existsSync(path.join(project, 'b'))).toBe(true);
    expect(existsSync(`${project}.ripcord.json`)).toBe(false);

    expect(first.stderr).toMatch(/not copied: r\.ripcord\.json: Ripcord's own name/);
    expect(first.stderr).toMatch(/with these options: --allow-file \/\.envrc --allow-file \/\.git\n/);
    const json = JSON.parse((await ripcord([...args, '--allow-file', '/.envrc', '--json'])).stdout);
    expect(json.exit).toBe(7);
    expect(json.changes.files).toContain('.envrc');
    expect(json.changes.flagged).toContainEqual({ path: '.git/config', rule: 'git', reason: expect.any(String) });

    await ripcord([...args, '--allow-rule', 'git', '--allow-rule', 'ripcord']);
    expect(readFileSync(path.join(project, '.git/config'), 'utf8')).toBe('x\n');
    expect(existsSync(path.join(project, 'r.ripcord.json'))).toBe(false);
  });

  it('names the option for a file so that it can be copied, and never takes a file for a host', async () => {
    const out = path.join(directory, 'out');
    file('out/there', 'x');
    const program = file('make.sh', "echo ok > go.sh; cp go.sh 'a b[1].sh'; chmod +x *.sh");
    const args = ['run', program, '--out', out];
    const { stderr } = await ripcord(args);
    expect(stderr).toMatch(/not written: go\.sh: becomes executable/);
    // Each shell word is one argument, as it is printed.
    const options = /with these options: (.*)/.exec(stderr)![1]!;
    expect(options).toBe("--allow-file '/a\\ b\\[1\\].sh' --allow-file /go.sh");
    const taken = await ripcord([...args, '--allow-file', '/go.sh', '--allow-file', '/a\\ b\\[1\\].sh']);
    expect(taken.stderr).not.toContain('not written');
    expect(readFileSync(path.join(out, 'go.sh'), 'utf8')).toBe('ok\n');
    expect(existsSync(path.join(out, 'a b[1].sh'))).toBe(true);
  });

  it.each([
    ['go.sh', /a host or a file\?\nhint: .*--allow-file go\.sh.* --allow go\.sh:443/],
    ['Makefile', /a host or a file\?\nhint: .*--allow-file Makefile/],
    ['there.example', /a host or a file\?\nhint: .*--allow-file there\.example/],
    ['.envrc', /--allow lists hosts, and \.envrc is a path.*--allow-file \.envrc/s],
    ['src/a.sh', /--allow lists hosts, and src\/a\.sh is a path.*--allow-file src\/a\.sh/s],
  ])('opens no network with --allow %s beside --out', async (value, message) => {
    file('out/there.example', 'x');
    const out = path.join(directory, 'out');
    const { code, stderr, stdout } = await ripcord(['run', '-c', 'print(1)', '--out', out, '--allow', value]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
  });

  it('takes a host with such a name when it has a port, and --allow-file only with --out', async () => {
    const out = path.join(directory, 'out');
    const host = await ripcord([
      'run',
      '-c',
      'print(1)',
      '--out',
      out,
      '--allow',
      'docs.rs:443',
      '--allow',
      '*.a.test',
    ]);
    expect(host).toMatchObject({ code: 0, stdout: '1\n' });
    expect((await ripcord(['run', '-c', '1', '--allow-file', 'go.sh'])).stderr).toMatch(/--allow-file .* --out/);
  });

  it('never takes the program for a change, wherever it lies', async () => {
    file('seed/a', 'a');
    file('seed/in.py', 'print(1)');
    file('seed/.gitignore', 'build/\n');
    file('seed/build/deep/x.sh', 'echo 1');
    const [seed, out] = [path.join(directory, 'seed'), path.join(directory, 'out')];
    file('out/there', 'x');
    for (const program of [
      file('mk.sh', '#!/bin/sh\necho 1'),
      file('mk.py', 'print(1)', 0o755),
      file('mk', '#!/bin/sh\necho 1'),
      path.join(seed, 'in.py'),
      path.join(seed, 'build/deep/x.sh'),
    ]) {
      const args = ['--seed', seed, '--out', out, '--image', 'shell'];
      const { stderr, stdout } = await ripcord([
        'run',
        program,
        ...args,
        ...(/\.py$/.test(program) ? ['--image', 'python'] : []),
      ]);
      expect({ stdout, stderr }).toEqual({ stdout: '1\n', stderr: `ripcord: 0 changed files copied to ${out}\n` });
    }
    const { changes } = JSON.parse((await ripcord(['run', file('n.sh', 'echo x > b'), '--out', out, '--json'])).stdout);
    expect(changes).toMatchObject({ files: ['b'], flagged: [], refused: [] });
  });

  it('copies links that stay inside, and says why it refuses another', async () => {
    const out = path.join(directory, 'out');
    mkdirSync(out);
    symlinkSync('/etc', path.join(out, 'host'));
    const code =
      'mkdir n; echo x > n/f; ln -s f n/rel; ln -s n up; ln -s /etc/passwd abs; ln -s ../../x n/far; ln -s host/passwd via; mkfifo p';
    const { stderr } = await ripcord(['run', '-c', code, '-l', 'bash', '--out', out]);
    expect(readlinkSync(path.join(out, 'n/rel'))).toBe('f');
    expect(readlinkSync(path.join(out, 'up'))).toBe('n');
    for (const name of ['abs', 'n/far', 'via', 'p']) expect(lstatOf(path.join(out, name))).toBe(undefined);
    expect(stderr).toContain('3 changed files copied');
    expect(stderr).toContain('not copied: abs: link leads outside: absolute\n');
    expect(stderr).toContain('not copied: n/far: link leads outside\n');
    expect(stderr).toContain('not copied: via: leads outside through host, a link on the host\n');
    expect(stderr).toContain('not copied: p: not a file, directory or link\n');
    const { changes } = JSON.parse(readFileSync(`${out}.ripcord.json`, 'utf8'));
    expect(changes.map(({ path: at }: { path: string }) => at)).toEqual(['n', 'n/f', 'n/rel', 'up']);
  });

  it('writes no repository into an empty directory either, unless it is allowed', async () => {
    const out = path.join(directory, 'project/new');
    const code = 'mkdir -p .git a/.hg; echo x > .git/config; echo x > a/.hg/hgrc; echo x > .gitignore; echo x > .envrc';
    const first = await ripcord(['run', '-c', code, '-l', 'bash', '--out', out]);
    expect(first.stderr).toMatch(/not written: \.git\/config: git/);
    expect(first.stderr).toMatch(/not written: a\/\.hg\/hgrc: git/);
    expect(readdirSync(out).sort()).toEqual(['.envrc', '.gitignore', 'a']);
    expect(readdirSync(path.join(out, 'a'))).toEqual([]);
    rmSync(out, { recursive: true });
    await ripcord(['run', '-c', code, '-l', 'bash', '--out', out, '--allow-rule', 'git']);
    expect(readFileSync(path.join(out, '.git/config'), 'utf8')).toBe('x\n');
  });

  it('ends with an error where nobody can make the directory of --out', async () => {
    const { code, stderr } = await ripcord(['run', '-c', '1', '--out', '/proc/nope']);
    expect(code).toBe(125);
    expect(stderr).toMatch(/Cannot open \/proc\/nope/);
  });

  it('does not write through a link that lies in --out', async () => {
    const [out, elsewhere] = [path.join(directory, 'out'), path.join(directory, 'elsewhere')];
    mkdirSync(out);
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, path.join(out, 'd'));
    const { stderr } = await ripcord(['run', '-c', 'mkdir d; echo x > d/x; echo y > y', '-l', 'bash', '--out', out]);
    expect(existsSync(path.join(elsewhere, 'x'))).toBe(false);
    expect(existsSync(path.join(out, 'y'))).toBe(true);
    expect(stderr).toMatch(/not copied: d\/x: .*link/);
  });
});

describe('whatever interrupts it, nothing is left', () => {
  const stubborn =
    'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print("ready", flush=True); time.sleep(600)';

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends it with %i', async (signal, code) => {
    using running = start(['run', '-c', stubborn]);
    await running.waitFor(/ready/);
    const ended = await running.signal(signal);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(`interrupted (${signal})`);
    expect(await leftOf(ended.pid)).toEqual(NOTHING);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it while it waits for its program', async (signal, code) => {
    using running = start(['run', '-']);
    // More than a pipe takes: it reads.
    await new Promise((resolve) => running.child.stdin!.write(Buffer.alloc(1024 * 1024, '#'), resolve));
    const ended = await running.signal(signal);
    expect(ended.code).toBe(code);
  });

  it('a second Ctrl+C leaves nothing either', async () => {
    using running = start(['run', '-c', stubborn]);
    await running.waitFor(/ready/);
    running.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const ended = await running.signal('SIGINT');
    expect(ended.code).toBe(130);
    expect(await leftOf(ended.pid)).toEqual(NOTHING);
  });

  it('says so in the document of --json', async () => {
    using running = start(['run', '-c', 'import time; time.sleep(600)', '--json']);
    await sandboxOf(running.child.pid!);
    const { stdout, code } = await running.signal('SIGINT');
    expect(JSON.parse(stdout)).toMatchObject({
      interrupted: 'SIGINT',
      exit: 130,
      receipt: { left: { containers: 0 } },
    });
    expect(code).toBe(130);
  });

  it('ends when nobody reads its output any more', async () => {
    using running = start(['run', '-c', 'while True: print("y" * 1000)']);
    await running.waitFor(/y/);
    running.child.stdout!.destroy();
    const ended = await running.ended;
    expect(ended.code).toBe(141);
    expect(ended.stderr).toBe('');
    expect(await leftOf(ended.pid)).toEqual(NOTHING);
  });
});

describe('--port', () => {
  it('reaches a server in the sandbox, until Ctrl+C ends both', async () => {
    const server = `import http.server
http.server.test(http.server.SimpleHTTPRequestHandler, port=8000, bind='127.0.0.1')`;
    using running = start(['run', file('serve.py', server), '-p', '8000']);
    const [, url] = await running.waitFor(/port 8000 of the sandbox is at (http:\/\/127\.0\.0\.1:\d+)/);
    await running.waitFor(/Serving HTTP/);
    expect(await (await fetch(`${url}/serve.py`)).text()).toBe(server);
    const ended = await running.signal('SIGINT');
    expect(ended.code).toBe(130);
    await expect(fetch(url!)).rejects.toThrow();
    expect(await leftOf(ended.pid)).toEqual(NOTHING);
  });

  it('says what is no port, and which one is taken', async () => {
    const wrong = await ripcord(['run', '-c', '1', '-p', '8000/tcp']);
    expect(wrong.stderr).toMatch(/'8000\/tcp' is invalid\. Expected a port such as 8000/);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { stderr, code } = await ripcord(['run', '-c', '1', '-p', `${port}:8000`]);
    taken.close();
    expect(stderr).toMatch(
      new RegExp(`-p: port ${port} of 127\\.0\\.0\\.1 .*in use\nhint: +-p 8000 takes any free one`),
    );
    expect(code).toBe(125);
  });
});

/** Waits until process `pid` has a sandbox. */
async function sandboxOf(pid: number): Promise<void> {
  for (;;) {
    const { stdout } = await ripcord(['ps', '--json']);
    const all = JSON.parse(stdout) as { owner?: { pid: number }; state: string }[];
    if (all.some(({ owner, state }) => owner?.pid === pid && state === 'running')) return;
  }
}

describe('--allow', () => {
  it('lets the program reach what is listed, and says what it was not let to', async () => {
    const server = createHttpServer((_, response) => response.end('from the host'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const script = file(
        'fetch.py',
        `import urllib.request
print(urllib.request.urlopen('http://host.ripcord.internal:${port}/').read().decode())
for _ in range(3):
    try: urllib.request.urlopen('https://not.listed.test/')
    except OSError as e: print('refused')
`,
      );
      const list = ['--allow', `localhost:${port}`, '--allow', '*.example.test'];
      const { code, stderr, stdout } = await ripcord(['run', script, ...list]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'from the host\nrefused\nrefused\nrefused\n' });
      const reason = `not.listed.test:443 is not in network.allow (localhost:${port}, *.example.test)`;
      expect(stderr).toBe(`ripcord: blocked: ${reason}\n`);
      const json = await ripcord(['run', script, ...list, '--json']);
      const { egress } = JSON.parse(json.stdout);
      expect(egress.map(({ verdict }: { verdict: string }) => verdict)).toEqual([
        'allowed',
        'denied',
        'denied',
        'denied',
      ]);
      expect(json.stderr).toBe('');
    } finally {
      server.close();
    }
  });
});
