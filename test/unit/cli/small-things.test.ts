/** Texts of the command line that lead on: hints after a failed program, names of files and engines, defaults in help. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { addMcp } from '../../../src/cli/commands/mcp.js';
import type { CliContext } from '../../../src/cli/context.js';
import { createProgram, runCli } from '../../../src/cli/program.js';
import { missedHere, ranOutOfRoom } from '../../../src/cli/sandbox/hints.js';
import { loadSpec } from '../../../src/cli/spec/load-spec.js';
import { useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
const bytes = (text: string) => Buffer.from(text);

describe('a program that fails without a seed', () => {
  it.each([
    ["FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'", 'data.csv'],
    ["ModuleNotFoundError: No module named 'helpers'", 'helpers.py'],
    ["ModuleNotFoundError: No module named 'lib.util'", 'lib/util.py'],
    ["Error: ENOENT: no such file or directory, open 'data.csv'", 'data.csv'],
    ["Error: Cannot find module './tool.js'", 'tool.js'],
    ["Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/workspace/tool.js' imported from /workspace/a.mjs", 'tool.js'],
    ["python3: can't open file '/workspace/helpers.py': [Errno 2]", 'helpers.py'],
    ['cat: data.csv: No such file or directory', 'data.csv'],
    ["ls: cannot access 'lib': No such file or directory", 'lib'],
    ['/workspace/run.sh: line 3: ./data.csv: No such file or directory', 'data.csv'],
  ])('is told of what lies here: %s', (said, found) => {
    writeTree(temp(), { 'data.csv': '', 'helpers.py': '', 'tool.js': '', lib: { 'util.py': '' } });
    expect(missedHere(bytes(`Traceback\n${said}\n`), temp())).toBe(found);
  });

  it.each([
    "FileNotFoundError: [Errno 2] No such file or directory: 'elsewhere.csv'",
    "FileNotFoundError: [Errno 2] No such file or directory: '/etc/passwd'",
    "FileNotFoundError: [Errno 2] No such file or directory: '../secret'",
    'ValueError: data.csv',
    '',
  ])('is told nothing else: %s', (said) => {
    writeTree(temp(), { 'data.csv': '' });
    expect(missedHere(bytes(said), temp())).toBeUndefined();
  });

  it('is told of a full workspace', () => {
    expect(ranOutOfRoom(bytes('OSError: [Errno 28] No space left on device'))).toBe(true);
    expect(ranOutOfRoom(bytes('Error: ENOSPC: no space left on device, write'))).toBe(true);
    expect(ranOutOfRoom(bytes('all is well'))).toBe(false);
  });
});

describe('ripcord iterate', () => {
  it('has the document of its page as an example, and finds every file it names', async () => {
    const page = readFileSync('docs/iterate.md', 'utf8');
    const example = readFileSync('examples/repair/spec.json', 'utf8');
    expect(/```json\n([\s\S]*?)```/.exec(page)?.[1]).toBe(example);
    expect(await loadSpec('examples/repair/spec.json')).toMatchObject({ task: expect.stringContaining('tests') });
  });

  it('blames the test file that is missing, and not the document', async () => {
    const verify = { kind: 'pytest', testFiles: ['tests/nope.py'] };
    writeTree(temp(), { 'spec.json': JSON.stringify({ task: 't', verify }) });
    await expect(loadSpec(temp('spec.json'))).rejects.toMatchObject({
      code: 'invalid-options',
      message: expect.stringMatching(/^verify\.testFiles: .*tests\/nope\.py cannot be read/),
    });
  });
});

it('help of mcp gives times as a person writes them', () => {
  const program = new Command('ripcord');
  addMcp(program, {} as CliContext);
  const help = program.commands[0]!.helpInformation();
  expect(help).toContain('(default: 1m)');
  expect(help).not.toContain('60000');
});

it('images list without an engine names the address that does not answer', async () => {
  let said = '';
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  expect(await runCli(['--docker', 'unix:///nowhere/docker.sock', 'images', 'list'])).toBe(125);
  write.mockRestore();
  expect(said).toContain('/nowhere/docker.sock');
  expect(said).not.toContain('its endpoint');
});

it('loads the command that the line names, all of them for help and for a wrong name', async () => {
  const names = async (line: string) => {
    const { commands } = await createProgram({} as CliContext, line.split(' '));
    return commands.map((command) => command.name()).join(' ');
  };
  expect(await names('run --image ps x')).toBe('run');
  expect(await names('--docker run ps')).toBe('ps');
  expect(await names('--docker=tcp://a images list')).toBe('images');
  expect(await names('--version')).toBe('');
  for (const line of ['--help', 'help run', 'runn', 'toString'])
    expect(await names(line)).toMatch(/^run .* tournament$/);
});
