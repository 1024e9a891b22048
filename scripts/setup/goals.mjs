/** Requirements of each command: the set-up makes these and no more. */

/**
 * @typedef {'start' | 'test' | 'bench' | 'images'} GoalName
 * @typedef {{ images: string[], testTools: boolean }} Goal
 */

/** @type {Record<GoalName, Goal>} */
export const GOALS = {
  start: { images: ['python'], testTools: false },
  bench: { images: ['python', 'shell'], testTools: false },
  test: { images: ['base', 'python', 'node', 'shell'], testTools: true },
  // The image with everything takes minutes and 1.5 GB, so that it has a test command of its own.
  images: { images: ['agent'], testTools: false },
};
