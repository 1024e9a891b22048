import { describe, expect, it } from 'vitest';
import { commentsOf, proseProblem } from '../../../scripts/lint/comments.mjs';

describe('a comment', () => {
  it.each([
    'Of those, what the creator of a sandbox may set.',
    'What every command shares.',
    'Nobody has to care.',
    'The same as `read`, as text.',
    'Prints what it has seen, and what was left.',
    'The agent says that it is ready.',
    'A pipe is no terminal.',
    'Does nothing if somebody else was faster.',
  ])('reads badly: %s', (text) => {
    expect(proseProblem(text)).toBeTypeOf('string');
  });

  it.each([
    'Sends PING. Resolves on PONG.',
    'Maximum size of the output in bytes.',
    'What is a leftover?',
    'Returns the path if it does not have a parent.',
    'The agent reports the exit code.',
  ])('reads well: %s', (text) => {
    expect(proseProblem(text)).toBeUndefined();
  });
});

describe('the comments of a file', () => {
  it('are found in blocks, in lines in a row, and behind code', () => {
    const source = [
      '/** Opens the file,',
      ' * and reads it.',
      ' * @param path Where it lies on the disk.',
      ' */',
      "const url = 'https://example.com/'; // Behind the code.",
      '// One comment',
      '// in two lines.',
      'code();',
      'int size; /* The size in bytes. */',
    ].join('\n');
    expect(commentsOf(source, 'x.ts')).toEqual([
      { line: 1, text: 'Opens the file, and reads it.' },
      { line: 3, text: 'Where it lies on the disk.' },
      { line: 5, text: 'Behind the code.' },
      { line: 6, text: 'One comment in two lines.' },
      { line: 9, text: 'The size in bytes.' },
    ]);
    expect(commentsOf('x = 1  # The first one.\n# The second\n# one.\n', 'x.py')).toEqual([
      { line: 1, text: 'The first one.' },
      { line: 2, text: 'The second one.' },
    ]);
  });
});
