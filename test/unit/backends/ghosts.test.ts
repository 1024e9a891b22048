import { expect, test } from 'vitest';
import { withoutGhosts } from '../../../src/backends/docker/ghosts.js';

test('what the engine lists as ending but does not have is left out, and only that is asked for', async () => {
  const asked: string[] = [];
  const listed = [
    { id: 'running', state: 'running' },
    { id: 'ghost', state: 'dead' },
    { id: 'stuck', state: 'dead' },
    { id: 'going', state: 'removing' },
  ];
  const isAbsent = async (id: string) => {
    asked.push(id);
    return id === 'ghost';
  };
  expect((await withoutGhosts(listed, isAbsent)).map(({ id }) => id)).toEqual(['running', 'stuck', 'going']);
  expect(asked).toEqual(['ghost', 'stuck', 'going']);
});

test('a question that fails is an error, not an absence', async () => {
  const broken = () => Promise.reject(new Error('no engine'));
  await expect(withoutGhosts([{ id: 'x', state: 'dead' }], broken)).rejects.toThrow('no engine');
});
