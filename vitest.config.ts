import { defineConfig } from 'vitest/config';

const SECOND = 1000;

/**
 * The kinds of tests, by directory, and after how long one test of each is taken for one that hangs. Nearly all take a
 * hundredth of that: the limit proves no speed, and a machine with other work may be ten times slower.
 */
const kinds = {
  unit: 30 * SECOND,
  protocol: 60 * SECOND,
  docker: 180 * SECOND,
  server: 180 * SECOND,
  hostile: 240 * SECOND,
  chaos: 300 * SECOND,
  images: 180 * SECOND,
};

/** The long mode repeats each case, and some of them with a hundred times the data. */
const patience = process.env.RIPCORD_LONG === '1' ? 20 : 1;

export default defineConfig({
  test: {
    // A process each: tests kill processes, set signal handlers and change the environment.
    pool: 'forks',
    // Test files often wait for an engine, a lease or a watchdog: with two at once, two processors are idle a fifth of the time.
    maxWorkers: 3,
    // Of those tests of a file that say they may run side by side: they mostly wait, for a lease or a watchdog's end.
    maxConcurrency: 3,
    passWithNoTests: true,
    // The library as its users load it: the compiled files, which Node loads in half the time.
    server: { deps: { external: [/\/dist\//] } },
    // What is waited for this way proves no speed, and the machine may be busy.
    expect: { poll: { timeout: 30 * SECOND } },
    projects: Object.entries(kinds).map(([name, timeoutMs]) => ({
      extends: true,
      test: {
        name,
        globalSetup: [
          'test/helpers/state-home-setup.ts',
          ...(name === 'hostile' ? ['test/helpers/gvisor-setup.ts'] : []),
        ],
        include: [`test/${name}/**/*.test.{ts,mjs}`],
        testTimeout: timeoutMs * patience,
        hookTimeout: timeoutMs,
        teardownTimeout: 30 * SECOND,
      },
    })),
  },
});
