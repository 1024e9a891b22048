/** The longest turn of the host's event loop while it reads what hostile sandboxes wrote, at the largest input allowed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { importCompiled } from '../../setup/paths.mjs';
import { outputOf } from '../ripcord.mjs';
import { longTurns } from '../turns.mjs';

export const title = 'The event loop while hostile workspaces are read';

const MAX_TURN_MS = 50;
const MAX_RSS_MIB = 512;
const MIB = 1024 ** 2;
/** The most that a kept output, an answer and a report may have. */
const KEPT = 16 * MIB;
const ANSWER = MIB / 2;
const REPORT = 16 * MIB;

/** 90,000 files with paths as long as the limit on them allows. */
const MANY_FILES = `
import os
for d in range(90):
    os.makedirs(f'many/directory-{d:03}')
    for f in range(1000): open(f'many/directory-{d:03}/' + f'{f:04}'.rjust(60, 'f'), 'w').close()
`;
const ONE_DIRECTORY = `
for f in range(40000): open(f'{f:05}'.rjust(60, 'f'), 'w').close()
`;
const PATTERNS = `
open('.gitignore', 'w').write(''.join(f'*q{i}*z\\n' for i in range(15000)))
for i in range(9000): open(f'{i}'.rjust(100, 'q'), 'w').close()
`;
/** Names that are longer together than a listing may have, and as long as it may have. */
const LONG_PATHS = (files) => `
import os
for i in range(14):
    os.mkdir('d' * 250); os.chdir('d' * 250)
for i in range(${files}): os.mknod(f'{i}'.rjust(250, 'f'))
`;
/** Nearly a repository without a .git: 9,990 hooks. */
const HOOKS = `
import os
os.makedirs('r/hooks')
for i in range(9990): open(f'r/hooks/{i}', 'w').close()
`;
const TEXTS = `
import random
random.seed(1)
for i in range(8): open(f'text{i}', 'w').write(''.join(f'{random.random()}\\n' for _ in range(50000)))
open('empty', 'w').write('\\n' * 1048000)
open('longer', 'w').write('x\\n' * 500000 + '\\n' * 40000)
`;
const TAP = `
import sys
sys.stdout.write('ok 1 - x\\n  ---\\n')
for _ in range(8): sys.stdout.write('  a: b\\n' * (1024 * 1024 // 7))
sys.stdout.write('  ...\\n1..1\\n')
`;
/** Answers that cost an HTTP parser most, whatever is asked. */
const ANSWERS = `
import socket
CHUNKED = b'Transfer-Encoding: chunked\\r\\n\\r\\n' + b'1\\r\\na\\r\\n' * 400000 + b'0\\r\\n\\r\\n'
server = socket.create_server(('127.0.0.1', 8000))
while True:
    client, _ = server.accept()
    try:
        path = client.recv(65536)[:6]
        if path == b'GET /c': client.sendall(b'HTTP/1.1 200 OK\\r\\n' + CHUNKED)
        if path == b'GET /i': client.sendall(b'HTTP/1.1 103 X\\r\\n\\r\\n' * 40000)
    except OSError: pass
    client.close()
`;
/** A request of the same kind to the proxy of its own sandbox, which leads back in. */
const REQUEST = `
import os, socket, urllib.parse
proxy = urllib.parse.urlsplit(os.environ['http_proxy'])
client = socket.create_connection((proxy.hostname, proxy.port))
client.sendall(b'POST http://localhost:8000/c HTTP/1.1\\r\\nHost: localhost:8000\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')
try: client.sendall(b'1\\r\\na\\r\\n' * 400000 + b'0\\r\\n\\r\\n')
except OSError: pass
`;
const LETTERS = "import sys; sys.stdout.write('a' * 1000000 + 'b')";

const { IterationExecutor, runTests } = await importCompiled('index.js');

export async function run({ context, report, quick }) {
  const manager = await context.openManager();
  const options = { image: 'python', limits: { memory: '1g', files: 200_000 } };
  const fill = async (program, more = {}) => {
    const sandbox = await manager.create({ ...options, ...more });
    outputOf(await sandbox.exec(['python3', '-c', program]));
    return sandbox;
  };
  const [own, collected] = [{}, {}];
  const measure = async (what, work) => {
    const [{ ownMs, gcMs } = { ownMs: 0, gcMs: 0 }] = await longTurns(work);
    [own[what], collected[what]] = [[ownMs], [gcMs]];
    console.log(`  ${what}: ${ownMs.toFixed(0)} ms, and ${gcMs.toFixed(0)} ms of the collector`);
  };
  const directory = () => context.makeDirectory();

  const many = await fill(MANY_FILES);
  await measure('diff of 90,000 files', () => many.diff());
  await measure('download of 90,000 files', () => many.files.download('.', directory()));
  await measure('list of 90,000 files', () =>
    many.files.list('.', { depth: Number.POSITIVE_INFINITY, maxEntries: 100_000 }),
  );
  const plan = () => many.prepareCommit(directory(), { maxEntries: 100_000 });
  await measure('commit of 90,000 files planned', plan);
  const planned = await plan();
  await measure('unified diff of 90,000 files', () => planned.unifiedDiff());
  await many.close();

  const long = await fill(LONG_PATHS(3300));
  await measure('diff of the longest paths', () => long.diff());
  await measure('download of the longest paths', () => long.files.download('.', directory()));
  await long.close();

  const hooks = await fill(HOOKS);
  await measure('commit of as much as a commit takes', () =>
    hooks.commit(directory(), { onRefused: 'report', allow: ['*'] }),
  );
  await hooks.close();

  const seed = directory();
  mkdirSync(join(seed, 'sub'));
  for (let i = 0; i < 8; i++)
    writeFileSync(join(seed, `text${i}`), Array.from({ length: 50_000 }, (_, n) => n * i).join('\n'));
  writeFileSync(join(seed, 'empty'), '');
  writeFileSync(join(seed, 'longer'), 'x\n'.repeat(500_000));
  const texts = await fill(TEXTS, { workspace: { seed } });
  await measure('unified diff of the longest texts', async () => (await texts.prepareCommit(seed)).unifiedDiff());
  await texts.close();

  const classes = directory();
  const members = Array.from({ length: 950 }, (_, i) => String.fromCharCode(98 + (i % 24))).join('');
  writeFileSync(join(classes, '.gitignore'), `*[${members}a]Z1\n`.repeat(300));
  for (let i = 0; i < 40; i++) writeFileSync(join(classes, `${i}`.padEnd(240, 'a')), '');
  await measure('a seed with patterns of classes', async () => {
    await (await manager.create({ ...options, workspace: { seed: classes, gitignore: true } })).close();
  });

  const count = quick ? 1 : 2;
  await measure('a branch with 15,000 patterns and 9,000 files', () => branch(manager, options, PATTERNS, count));
  await measure('a branch of 40,000 files in one directory', () => branch(manager, options, ONE_DIRECTORY, count));
  await measure('the best of two branches of 20,000 files', () => {
    const halved = ONE_DIRECTORY.replace('40000', '20000');
    return branch(manager, options, halved, 2, { maxIterations: 2, keepBest: true });
  });

  const program = await fill('pass');
  await measure('a TAP report of 8 MiB', () =>
    runTests(program, { kind: 'command', command: ['python3', '-c', TAP], report: 'tap', expect: 1 }).catch(() => {}),
  );
  await measure('a pattern without an end', () =>
    runTests(program, { kind: 'io', command: ['python3', '-c', LETTERS], cases: [{ stdout: /^(a+)+$/ }] }),
  );
  await program.close();
  await measureHttp(measure, await fill('pass', { network: { allow: ['b.invalid'] } }));
  await measureTexts(measure);

  report.samples(own, { title: 'longest turn, own time' });
  report.samples(collected, { title: 'collector in that turn' });
  for (const [what, [ms]] of Object.entries(own)) report.check(what, ms, '<=', MAX_TURN_MS, ' ms');

  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  await branch(manager, options, LONG_PATHS(99_900), quick ? 2 : 10).finally(() => clearInterval(timer));
  report.check('memory for 10 branches of long paths', (most - before) / MIB, '<=', MAX_RSS_MIB, ' MiB');
}

async function measureHttp(measure, sandbox) {
  await sandbox.spawn(['python3', '-c', ANSWERS]);
  await sandbox.ports.waitFor(8000);
  const fetched = async (path) => (await sandbox.ports.fetch(8000, path)).arrayBuffer();
  await measure('ports.fetch of one-byte chunks', () => fetched('/c'));
  await measure('ports.fetch of informational answers', () => fetched('/i').catch(() => {}));
  await measure('the reverse proxy with one-byte chunks', () => throughProxy(sandbox, '/c'));
  await measure('the reverse proxy with informational answers', () => throughProxy(sandbox, '/i'));
  await measure('a request of one-byte chunks to the way out', () => sandbox.exec(['python3', '-c', REQUEST]));
  await sandbox.close();
}

/** The client is another process: its turns are not the host's. */
async function throughProxy(sandbox, target) {
  const { forwardRequest } = await importCompiled('server/ports/proxy.js');
  const { signal } = new AbortController();
  const server = createServer((incoming, outgoing) => {
    const forwarded = { port: 8000, target, prefix: '', preview: false, signal };
    forwardRequest(sandbox, incoming, outgoing, forwarded).catch(() => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const program = `fetch('http://127.0.0.1:${server.address().port}').then((answer) => answer.arrayBuffer()).catch(() => {})`;
  await once(spawn(process.execPath, ['-e', program]), 'exit');
  server.close();
}

/** The text that each parser gets. It costs that parser the most time. */
async function measureTexts(measure) {
  const { plainText, withoutControls } = await importCompiled('base/harmless-text.js');
  const { parseTap } = await importCompiled('verify/tap.js');
  const { parseJUnit } = await importCompiled('verify/junit.js');
  const { textOf } = await importCompiled('verify/utf8.js');
  const filled = (unit, size, before = '', after = '') => before + unit.repeat(size / unit.length) + after;

  const outputs = {
    'an escape without an end': filled(';?', ANSWER, '\x1b'),
    'escape sequences': filled('\x1b[m', ANSWER),
    'carriage returns': filled('\r', ANSWER),
    'lines written over': filled('a\rb\n', ANSWER),
    'control characters': filled('\x01a', ANSWER),
  };
  for (const [what, text] of Object.entries(outputs)) {
    await measure(`an answer of ${what}`, async () => plainText(text));
    await measure(`an event of ${what}`, async () => withoutControls(text.slice(0, 4096)));
  }
  await measure('output that is no text', () => textOf(Buffer.alloc(KEPT, 0xff)));
  const taps = { points: 'ok\n', subtests: '# Subtest: a\n    ok 1\n', spaces: ' ', hashes: 'ok 1 # ' };
  for (const [what, unit] of Object.entries(taps)) {
    const text = filled(unit, REPORT);
    await measure(`TAP of ${what}`, () => parseTap(text).catch(() => {}));
  }
  const reports = {
    cases: filled('<testcase name="a"/>', REPORT, '<testsuite>'),
    dashes: filled('-', REPORT, '<testsuite><!--'),
    brackets: filled(']]', REPORT, '<testsuite><![CDATA['),
    instructions: filled('<?', REPORT),
    entities: filled('&amp;', REPORT, '<testsuite><testcase><failure>'),
    'entities in names': filled(`<testcase name='${'&#10;'.repeat(1600)}'/>`, REPORT, '<testsuite>'),
    'entities in one tag': filled(` name='${'&#10;'.repeat(1600)}'`, REPORT / 2, '<testsuite><testcase'),
  };
  for (const [what, text] of Object.entries(reports)) {
    await measure(`JUnit of ${what}`, () => parseJUnit(text).catch(() => {}));
  }
}

/** So many branches at once that run `program` in their sandboxes. */
async function branch(manager, options, program, count, more = {}) {
  await new IterationExecutor(manager, {
    maxIterations: 1,
    sandbox: options,
    commitMode: 'never',
    strategize: () => Array.from({ length: count }, (_, i) => ({ name: `${i}` })),
    propose: async ({ sandbox }) => void outputOf(await sandbox.exec(['python3', '-c', program])),
    verify: () => ({ passed: false }),
    ...more,
  }).run('');
}
