/** `npm run bench -- --against <commit>`: this checkout's build and that commit's, in turns within one run. */
import { inTurns, summary } from '../measure.mjs';
import { Report } from '../report.mjs';
import { buildOther } from './other-build.mjs';
import { SUBJECTS } from './subjects.mjs';

/** A ratio of medians above this is slower than chance explains. */
const BOUND = 1.05;
const WARMUP = 3;

/**
 * @param {{ context: import('../bench-context.mjs').BenchContext, commit: string, names: string[], quick: boolean }} options
 * @returns {Promise<Record<string, object>>} the results of each subject. The images are this checkout's for both builds.
 */
export async function compare({ context, commit, names, quick }) {
  const other = await buildOther(commit);
  const results = {};
  try {
    for (const name of names) {
      const report = new Report();
      results[name] = report.result;
      report.result.title = `${name}: this checkout against ${other.commit}`;
      console.log(`\n${report.result.title}`);
      await compareSubject(SUBJECTS[name], { context, other, report, quick }).catch((error) => {
        report.result.error = error.message;
        console.log(`  FAILED ${error.stack}`);
      });
      const left = await context.closeManagers();
      if (left.length > 0) report.unchecked('nothing left behind', left.join('; '));
    }
  } finally {
    await other.remove();
  }
  return results;
}

async function compareSubject({ manager, measures }, { context, other, report, quick }) {
  const managers = {
    now: await context.openManager(manager),
    before: await context.openManager(manager, other.library),
  };
  for (const [what, { rounds, open }] of Object.entries(measures)) {
    const opened = [];
    try {
      const candidates = {};
      for (const [build, its] of Object.entries(managers)) {
        const one = await open(its);
        opened.push(one);
        candidates[build] = one.once;
      }
      const times = await inTurns(candidates, {
        rounds: quick ? Math.ceil(rounds / 10) : rounds,
        warmup: Math.min(WARMUP, rounds),
      });
      report.samples(times, { title: what });
      report.check(
        `${what}, of the time at ${other.commit}`,
        summary(times.now).p50 / summary(times.before).p50,
        '<=',
        BOUND,
        '×',
      );
    } finally {
      for (const one of opened) await one.close?.();
    }
  }
}
