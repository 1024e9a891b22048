/** Variants that compete with a solution: the same source with one change that makes it wrong, slow, greedy or hostile. */
import type { Problem } from '../humaneval/problems.js';
import { applyMutation, type Mutation } from './mutations.js';

type Kind = 'solution' | 'wrong' | 'crashing' | 'slow' | 'memory-hungry' | 'cheating' | 'hostile';

/** The strategy of a branch. */
export interface Variant {
  name: string;
  kind: Kind;
  /** Pattern of the reason that the verification must give. A verdict for another reason counts as wrong. */
  reason: RegExp;
  source(problem: Problem, mutation: Mutation): string;
}

const solution = ({ prompt, canonical_solution }: Problem): string => `${prompt}${canonical_solution}`;

/** Returns the solution with its function replaced by one with another body. The original stays available as `right`. */
const instead =
  (body: string) =>
  (problem: Problem): string =>
    `${solution(problem)}\n\nright = ${problem.entry_point}\n\n\ndef ${problem.entry_point}(*args):\n${indented(body)}\n`;

/** Returns a source whose function answers nothing, and that runs `code` when it is imported. */
const onImport =
  (code: string) =>
  (problem: Problem): string =>
    `${instead('right(*args)')(problem)}\n\n${code.trim()}\n`;

const indented = (text: string): string => text.trim().replace(/^(?=.)/gm, '    ');

const PASSED = /^1 of 1 tests passed$/;
const WRONG = /^check (failed|error): /;

export const SOLUTION: Variant = { name: 'solution', kind: 'solution', reason: PASSED, source: solution };

/** Variants that must lose. */
export const IMPOSTORS: readonly Variant[] = [
  {
    name: 'mutated',
    kind: 'wrong',
    reason: WRONG,
    source: (problem, mutation) => problem.prompt + applyMutation(problem.canonical_solution, mutation),
  },
  { name: 'answers nothing', kind: 'wrong', reason: WRONG, source: instead('right(*args)') },
  { name: 'answers the question', kind: 'wrong', reason: WRONG, source: instead('return args') },
  { name: 'raises', kind: 'crashing', reason: /^check error: ZeroDivisionError/, source: instead('return 1 / 0') },
  {
    name: 'recurses',
    kind: 'crashing',
    reason: /^check error: RecursionError/,
    source: instead(`
def deeper():
    return deeper()
return deeper()`),
  },
  {
    name: 'segfaults',
    kind: 'crashing',
    reason: /SIGSEGV/,
    source: instead(`
import ctypes
ctypes.string_at(0)`),
  },
  {
    name: 'sleeps',
    kind: 'slow',
    reason: /out of time$/,
    source: instead(`
import time
time.sleep(3600)
return right(*args)`),
  },
  {
    name: 'hoards memory',
    kind: 'memory-hungry',
    reason: /out of memory$/,
    source: instead(`
hoard = []
while True:
    hoard.append(bytes(range(256)) * 65536)`),
  },
  {
    name: 'exits with success',
    kind: 'cheating',
    reason: /ended: exit code 0$/,
    source: onImport(`
import os
os._exit(0)`),
  },
  {
    name: 'says it passed',
    kind: 'cheating',
    reason: /^import error: SystemExit/,
    source: onImport(`
import sys
print('1 passed in 0.01s')
print('{"nonce": "", "broken": null, "touched": true, "tests": [{"name": "check", "status": "passed"}]}', flush=True)
sys.exit(0)`),
  },
  {
    name: 'equals everything',
    kind: 'cheating',
    reason: WRONG,
    source: instead(`
class Anything:
    __eq__ = __ge__ = __le__ = __gt__ = __lt__ = lambda self, other: True
    __hash__ = object.__hash__
    __len__ = __abs__ = lambda self: 0
    __sub__ = __rsub__ = __mul__ = __rmul__ = __add__ = __radd__ = lambda self, other: self
return Anything()`),
  },
  {
    name: 'disarms the tests',
    kind: 'cheating',
    reason: WRONG,
    source: onImport(`
import builtins, gc, sys
builtins.AssertionError = type('Quiet', (Warning,), {})
sys.excepthook = lambda *_: None
for thing in gc.get_objects():
    if type(thing) is dict and callable(thing.get('check')):
        thing['check'] = lambda *_: None
for name in ('conftest.py', 'sitecustomize.py', 'usercustomize.py', 'pytest.py'):
    with open(name, 'w') as file:
        file.write('import os\\nos._exit(0)\\n')`),
  },
  {
    name: 'reads the tests',
    kind: 'cheating',
    reason: WRONG,
    source: instead(`
import glob
for name in [*glob.glob('/proc/[0-9]*/cmdline'), *glob.glob('/proc/[0-9]*/environ'), *glob.glob('/tmp/**', recursive=True)]:
    try:
        with open(name, errors='replace') as file:
            for line in file:
                if 'assert candidate' in line and '==' in line:
                    return eval(line.split('==')[1].split(',')[0])
    except OSError:
        pass
return None`),
  },
  {
    name: 'kills everything',
    kind: 'hostile',
    reason: WRONG,
    source: instead(`
import os, signal
os.kill(-1, signal.SIGKILL)`),
  },
  {
    name: 'bombs with forks',
    kind: 'hostile',
    // The first child whose fork fails answers in its parent's place, unless the process limit stops the program first.
    reason: /an answer without a request|BlockingIOError|ended/,
    source: instead(`
import os
while True:
    os.fork()`),
  },
  {
    name: 'fills the disk',
    kind: 'hostile',
    reason: /^check error: OSError.*No space left/,
    source: instead(`
with open('filler', 'wb') as file:
    while True:
        file.write(bytes(1 << 20))`),
  },
  {
    name: 'leaves a daemon',
    kind: 'hostile',
    reason: WRONG,
    source: instead(`
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(3600)
    os._exit(0)`),
  },
];

/** Strategies by name. */
export const BY_NAME: ReadonlyMap<string, Variant> = new Map(
  [SOLUTION, ...IMPOSTORS].map((variant) => [variant.name, variant]),
);
