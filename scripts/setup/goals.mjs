/** What each command needs; it makes that and no more. */

/**
 * @typedef {'start' | 'test' | 'bench'} GoalName
 * @typedef {{ images: string[], testTools: boolean }} Goal
 */

/** @type {Record<GoalName, Goal>} */
export const GOALS = {
  start: { images: ['python'], testTools: false },
  bench: { images: ['python', 'shell'], testTools: false },
  test: { images: ['base', 'python', 'node', 'shell'], testTools: true },
};
