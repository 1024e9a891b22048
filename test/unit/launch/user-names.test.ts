import { expect, it } from 'vitest';
import { withNames } from '../../../src/launch/user-names.js';

const image = { passwd: 'root:x:0:0:root:/root:/bin/sh\n', group: 'root:x:0:\nstaff:x:50:\n' };

it('adds an entry for each id without one, and nothing else', () => {
  expect(withNames(image, '1234', '1235')).toEqual({
    passwd: `sandbox:x:1234:1235::/home/sandbox:/bin/sh\n${image.passwd}`,
    group: `sandbox:x:1235:\n${image.group}`,
  });
  expect(withNames(image, '1234', '50')).toMatchObject({ group: image.group });
  expect(withNames(image, '0', '50')).toBeUndefined();
});

it('needs nothing of the image', () => {
  expect(withNames({ passwd: '', group: '' }, '1', '1')?.group).toBe('sandbox:x:1:\n');
});
