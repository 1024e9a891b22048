import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { readTree, useTempDirectory } from '../helpers/temp.js';
import { leftOf, NOTHING, ripcord, start, startOnTerminal } from './cli-process.js';

const temp = useTempDirectory();
const EXAMPLE = fileURLToPath(new URL('../../examples/repair', import.meta.url));
const AVERAGE = '(ordered[middle - 1] + ordered[middle]) / 2 if len(ordered) % 2 == 0 else ordered[middle]';
const REPAIRED = `def mean(values):
    if not values:
        raise ValueError('no values')
    return sum(values) / len(values)


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ${AVERAGE}
`;
const write = (name: string, content: string | object): string => {
  writeFileSync(temp(name), typeof content === 'string' ? content : JSON.stringify(content));
  return temp(name);
};
const spec = (more: object = {}): object => ({
  task: 'repair',
  target: 'project',
  branches: 1,
  strategies: [
    { name: 'worse', run: 'echo "$RIPCORD_TASK $RIPCORD_STRATEGY $RIPCORD_ITERATION" > stats.py' },
    { name: 'right', files: { 'stats.py': REPAIRED } },
  ],
  verify: { kind: 'pytest', testFiles: ['test_stats.py'] },
  ...more,
});

beforeEach(() => {
  cpSync(`${EXAMPLE}/project`, temp('project'), { recursive: true });
  cpSync(`${EXAMPLE}/project/test_stats.py`, temp('test_stats.py'));
});

describe('ripcord iterate', () => {
  it('repairs a project, iteration by iteration', async () => {
    const { stdout, code, pid } = await ripcord(['iterate', `${EXAMPLE}/spec.mjs`], { cwd: temp() });
    expect(stdout).toMatch(/^iteration 1\n( {2}branch \d .*: failed .*\n){3} {2}no branch was accepted\niteration 2\n/);
    expect(stdout).toMatch(/accepted in .*Committed to out\/repair: 1 modified/);
    expect(stdout).toMatch(/left behind: containers 0, volumes 0, directories 0/);
    const repaired = readFileSync(temp('out/repair/stats.py'), 'utf8');
    expect(repaired).toContain('raise ValueError');
    expect(repaired).toContain('/ 2');
    expect(code).toBe(0);
    expect(await leftOf(pid)).toEqual(NOTHING);
  });

  it('takes a spec in TypeScript, which finds this package wherever it lies', async () => {
    const file = write(
      'spec.ts',
      `import { type ExecutorOptions, runTests } from 'ripcord-sandbox';
      import { createToolbox } from 'ripcord-sandbox/ai-sdk';
      import { answerOpenAi } from 'ripcord-sandbox/tools';
      import { RipcordClient } from 'ripcord-sandbox/client';
      import { RipcordServer } from 'ripcord-sandbox/server';
      enum Sign { minus = '-', plus = '+' }
      export const task: string = [answerOpenAi, createToolbox, RipcordClient, RipcordServer].map((part) => typeof part).join();
      export const options: ExecutorOptions = {
        branches: 2,
        propose: ({ sandbox, branch }) =>
          sandbox.files.write('add.py', 'def add(a, b): return a ' + (branch === 1 ? Sign.minus : Sign.plus) + ' b\\n'),
        verify: ({ sandbox }) =>
          runTests(sandbox, { kind: 'calls', module: 'add', functions: ['add'], tests: 'def check(c): assert c(2, 3) == 5' }),
      };`,
    );
    const { stdout, code } = await ripcord(['iterate', file, '--target', temp('project'), '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'accepted',
      winner: { branch: 2 },
      commit: { status: 'committed' },
      receipt: { left: { containers: 0, volumes: 0, directories: 0 } },
    });
    expect(readFileSync(temp('project/add.py'), 'utf8')).toContain('a + b');
    expect(code).toBe(0);
  });

  it('takes a JSON document, tells its commands what they are for, and remembers what failed', async () => {
    const file = write('spec.json', spec());
    const { stdout, code } = await ripcord(['iterate', file, '--json']);
    const result = JSON.parse(stdout);
    expect(result.iterations.map(({ strategies }: { strategies: object[] }) => strategies)).toMatchObject([
      [{ name: 'worse' }],
      [{ name: 'right' }],
    ]);
    expect(result.iterations[0].branches[0].changes).toMatchObject([{ path: 'stats.py' }]);
    expect(readFileSync(temp('project/stats.py'), 'utf8')).toBe(REPAIRED);
    expect(code).toBe(0);
  });

  it.each([
    ['is absent', () => {}],
    ['is empty', () => mkdirSync(temp('out/repair'), { recursive: true })],
    ['has a .git and nothing else', () => mkdirSync(temp('out/repair/.git'), { recursive: true })],
  ])('brings the seed and the change to a target that %s: the example of docs/iterate.md', async (_, prepare) => {
    cpSync(EXAMPLE, temp('examples/repair'), { recursive: true });
    prepare();
    const { stdout, code } = await ripcord(['iterate', 'examples/repair/spec.json'], { cwd: temp() });
    expect(stdout).toMatch(/branch 2 start again: passed /);
    expect(stdout).toContain('branch 2 was accepted\n');
    expect(stdout).toMatch(/accepted in .*Committed to .*out\/repair, with the files of the seed: 1 modified\./);
    expect(code).toBe(0);
    const tree = readTree(temp('out/repair'));
    expect(tree).toMatchObject({ 'stats.py': 'from statistics import mean, median\n' });
    expect(tree['test_stats.py']).toBe(readFileSync(`${EXAMPLE}/project/test_stats.py`, 'utf8'));
    expect(readFileSync(temp('examples/repair/project/stats.py'), 'utf8')).toContain('return sum(values)');
    expect(existsSync(temp('out/repair/.ripcord'))).toBe(false);
  });

  it('commits nothing to a target that has something else, and says what to do', async () => {
    cpSync(EXAMPLE, temp('examples/repair'), { recursive: true });
    mkdirSync(temp('out/repair'), { recursive: true });
    writeFileSync(temp('out/repair/mine.txt'), 'mine');
    const { stdout, code } = await ripcord(['iterate', 'examples/repair/spec.json', '--iterations', '1'], {
      cwd: temp(),
    });
    expect(stdout).toContain('commit conflict\n    stats.py: is not in the target');
    expect(stdout).toMatch(/hint: .*a target that is empty or does not exist, or leave out seed/);
    expect(stdout).toMatch(
      /exhausted in .*start again was accepted and could not be committed \(conflict\): stats\.py: is not in the target/,
    );
    expect(stdout).not.toContain('No branch was accepted');
    expect(code).toBe(1);
    expect(readTree(temp('out/repair'))).toEqual({ 'mine.txt': 'mine' });
  });

  it.each([
    ['a seed that does not exist', { from: 'nope' }, /nope as a seed: it does not exist/],
    ['a seed that is a file', { from: 'test_stats.py' }, /test_stats\.py as a seed: it is not a directory/],
  ])('refuses %s', async (_, seed, message) => {
    const file = write('spec.json', { task: 't', seed, verify: { run: 'true' }, propose: { run: 'true' } });
    const { stdout, stderr, code } = await ripcord(['iterate', file]);
    expect(stderr).toMatch(message);
    expect(stdout).not.toContain('accepted');
    expect(code).toBe(125);
  });

  it('takes a command as verification, and as the only proposal', async () => {
    const propose = { run: 'test "$RIPCORD_ITERATION" = 2 && touch done' };
    const file = write('spec.json', { task: 't', propose, verify: { run: ['test', '-e', 'done'] }, branches: 1 });
    const { stdout, code } = await ripcord(['iterate', file]);
    expect(stdout).toMatch(/iteration 1\n {2}branch 1 propose: error .*propose: exit code 1\n/);
    expect(stdout).toMatch(/iteration 2\n {2}branch 1 propose: passed .*exit code 0/);
    expect(code).toBe(0);
  });

  it('says why nobody was accepted, and exits with 1', async () => {
    const file = write('spec.json', spec({ strategies: [{ name: 'nothing' }] }));
    const { stdout, code } = await ripcord(['iterate', file, '--iterations', '1']);
    expect(stdout).toMatch(/exhausted in .*No branch was accepted in 1 iterations/);
    expect(stdout).toContain('ZeroDivisionError');
    expect(code).toBe(1);
  });

  it('commits nothing with --no-commit', async () => {
    const before = readFileSync(temp('project/stats.py'), 'utf8');
    const { code } = await ripcord(['iterate', write('spec.json', spec()), '--no-commit']);
    expect(code).toBe(0);
    expect(readFileSync(temp('project/stats.py'), 'utf8')).toBe(before);
    expect(existsSync(temp('project/.ripcord'))).toBe(false);
  });

  it('is interrupted with what is known, and goes on from its record', async () => {
    const strategies = [{ name: 'nothing' }, { name: 'slow', run: 'sleep 60' }];
    const args = ['--record', temp('run')];
    using running = start(['iterate', write('spec.json', spec({ strategies })), ...args], { cwd: temp() });
    await running.waitFor(/iteration 2/);
    const ended = await running.signal('SIGINT');
    expect(ended.code).toBe(130);
    expect(ended.stdout).toMatch(
      /aborted in .*Aborted \(interrupted by SIGINT\) after iteration 1\. Its result: nothing failed/,
    );
    expect(ended.stderr).toContain(`go on with --resume ${temp('run')}`);
    expect(await leftOf(ended.pid)).toEqual(NOTHING);

    const again = ['iterate', write('spec.json', spec({ branches: 2 })), '--resume', temp('run')];
    const { stdout, code } = await ripcord(again);
    expect(stdout).toMatch(/^iteration 2\n/);
    expect(code).toBe(0);
    const finished = await ripcord(again);
    expect(finished.stdout).toMatch(/^accepted before: nothing is left to do\. Accepted right/);
    expect(finished.code).toBe(0);
    const document = JSON.parse((await ripcord([...again, '--json'])).stdout);
    expect(document).toMatchObject({ status: 'accepted', finalOutput: expect.stringContaining('Accepted right') });
  });

  it.each([
    ['missing.ts', undefined, /missing\.ts cannot be read: ENOENT/],
    ['broken.ts', 'export const = 1', /broken\.ts cannot be read: ParseError/],
    ['empty.mjs', 'export const task = 1', /empty\.mjs: options: expected the options of an IterationExecutor/],
    ['none.mjs', 'export const options = {}', /none\.mjs: task: missing/],
    [
      'wrong.mjs',
      'export const task = 1; export const options = { propose: 1 }',
      /IterationExecutor: propose: expected a function/,
    ],
    ['broken.json', '{', /broken\.json cannot be read: .*JSON/],
    [
      'wrong.json',
      '{"task":"t","verify":{"run":"x"},"brnches":1}',
      /unknown option 'brnches', did you mean 'branches'/,
    ],
    [
      'tests.json',
      '{"task":"t","verify":{"kind":"pytest","testFiles":["no.py"]}}',
      /verify\.testFiles: .*no\.py cannot be read: ENOENT/,
    ],
  ])('names what is wrong with %s', async (name, content, message) => {
    if (content !== undefined) write(name, content);
    const { stderr, code } = await ripcord(['iterate', temp(name)]);
    expect(stderr).toMatch(message);
    expect(code).toBe(125);
  });

  it('shows a line for each branch at work on a terminal, with the last line it printed', async () => {
    const propose = { run: 'echo "at work in $RIPCORD_BRANCH" >&2; sleep 2' };
    const strategies = [{ name: 'first' }, { name: 'second' }];
    const file = write('spec.json', {
      task: 't',
      strategies,
      propose,
      verify: { run: 'echo judging; sleep 1' },
      branches: 2,
    });
    using running = startOnTerminal(['iterate', file]);
    await running.waitFor(/1 first +propose +\d.*\r\n2 second +propose +\d/);
    await running.waitFor(/1 first +verify +\d[\d.]* m?s +at work in 1/);
    const { stdout, code } = await running.ended;
    expect(stdout).toMatch(/accepted in .*\r\n4 sandboxes; left behind: containers 0, volumes 0, directories 0/);
    expect(code).toBe(0);
  });

  it.each([
    ['n', 1, 'branch 1 was declined'],
    ['y', 0, 'Committed to'],
  ])('shows the diff with --approve, and does as it is told: %s', async (answer, code, said) => {
    const before = readFileSync(temp('project/stats.py'), 'utf8');
    const strategies = [{ name: 'right', files: { 'stats.py': REPAIRED } }];
    const file = write('spec.json', spec({ strategies }));
    using running = startOnTerminal(['iterate', file, '--approve', '--iterations', '1', '--record', temp('run')]);
    await running.waitFor(/\+\+\+ b\/stats\.py[\s\S]*Commit this to .*project\? \[y\/N\] /);
    expect(readFileSync(temp('project/stats.py'), 'utf8')).toBe(before);
    running.child.stdin!.write(`${answer}\r`);
    expect((await running.ended).code).toBe(code);
    expect(running.screen + readFileSync(temp('run/iterations.jsonl'), 'utf8')).toContain(said);
    expect(readFileSync(temp('project/stats.py'), 'utf8')).toBe(answer === 'y' ? REPAIRED : before);
  });

  it('is stopped by q at the question', async () => {
    const strategies = [{ name: 'right', files: { 'stats.py': REPAIRED } }];
    const file = write('spec.json', spec({ strategies }));
    using running = startOnTerminal(['iterate', file, '--approve', '--iterations', '2']);
    await running.waitFor(/q stops the run[\s\S]*\[y\/N\] /);
    running.child.stdin!.write('q\r');
    expect((await running.ended).code).toBe(1);
    expect(running.screen).not.toContain('iteration 2');
    expect(running.screen).toContain('left behind: containers 0, volumes 0, directories 0');
  });

  it('is aborted by Ctrl+C at the question', async () => {
    const strategies = [{ name: 'right', files: { 'stats.py': REPAIRED } }];
    const file = write('spec.json', spec({ strategies }));
    using running = startOnTerminal(['iterate', file, '--approve', '--iterations', '2']);
    await running.waitFor(/\[y\/N\] /);
    running.child.stdin!.write('\x03');
    expect((await running.ended).code).toBe(130);
    expect(running.screen).not.toContain('iteration 2');
    expect(running.screen).toContain('left behind: containers 0, volumes 0, directories 0');
  });

  it('asks nobody where there is no terminal', async () => {
    const { stderr, code } = await ripcord(['iterate', write('spec.json', spec()), '--approve']);
    expect(stderr).toContain('stdin is not a terminal');
    expect(code).toBe(125);
  });
});
