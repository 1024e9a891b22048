/**
 * Judges the canonical solutions of all HumanEval problems, each in a fresh sandbox, several at once, and reports that
 * nothing is left behind.
 */
import type { Command } from 'commander';
import { isClean } from '../../cleanup/receipt.js';
import type { GlobalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { examples } from '../help.js';
import type { Interrupt } from '../interrupt.js';
import { withManager } from '../session.js';
import { runCampaign } from './humaneval/campaign.js';
import type { Verdict } from './humaneval/judge.js';
import { readProblems } from './humaneval/problems.js';
import { Progress } from './humaneval/progress.js';
import { outcomeRows, type Report, renderReport } from './humaneval/report.js';
import { addJobOptions, type JobFlags } from './options.js';

const DEFAULT_TIMEOUT_MS = 15_000;

/** Adds this job's summary, options and help to a command. */
export function addHumanevalOptions(command: Command): Command {
  command
    .summary('judge the HumanEval solutions, each in a fresh sandbox')
    .description(
      'Runs the canonical solutions of the 164 HumanEval problems against their checks, each in a fresh sandbox, ' +
        'several at once. The report shows the verdicts, the speed, and that nothing is left behind.',
    );
  return addJobOptions(command, 'one program', DEFAULT_TIMEOUT_MS)
    .option('--json', 'print one JSON document, with every verdict')
    .addHelpText(
      'after',
      examples([
        ['ripcord humaneval', 'all 164'],
        ['ripcord humaneval --limit 8', 'the first eight'],
        ["ripcord humaneval --json | jq '.receipt.left'", 'only the leftovers'],
      ]),
    );
}

/** Runs the job. A signal ends it early; the report then has the verdicts so far. @returns the exit code */
export async function humaneval(options: JobFlags & GlobalOptions, interrupt: Interrupt): Promise<number> {
  const { concurrency, image, timeout: timeoutMs, json } = options;
  const problems = await readProblems(options.limit);
  const verdicts: Verdict[] = [];
  const startedAt = performance.now();
  let durationMs = 0;
  using progress = new Progress(problems.length);
  if (!json) {
    const { length } = problems;
    process.stderr.write(
      `HumanEval: ${length} problems, each in a fresh sandbox of ${image}, ${concurrency} at once\n`,
    );
  }
  const { receipt } = await withManager(options, interrupt, async (manager) => {
    try {
      await runCampaign(manager, problems, {
        concurrency,
        image,
        timeoutMs,
        signal: interrupt.signal,
        onStart: () => progress.started(),
        onVerdict: (verdict) => {
          verdicts.push(verdict);
          progress.verdict(verdict);
        },
      });
    } finally {
      durationMs = performance.now() - startedAt;
    }
  });
  progress[Symbol.dispose]();
  const passed = verdicts.filter((verdict) => verdict.passed).length;
  const report: Report = {
    problems: problems.length,
    judged: verdicts.length,
    passed,
    concurrency,
    image,
    durationMs,
    firstVerdictMs: progress.firstVerdictMs,
    sandboxesPerSecond: verdicts.length / (durationMs / 1000),
    interrupted: interrupt.cause,
    outcomes: outcomeRows(verdicts),
    verdicts,
    receipt,
  };
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `\n${renderReport(report)}`);
  if (interrupt.exitCode !== undefined) return interrupt.exitCode;
  return passed === problems.length && isClean(receipt) ? ExitCode.OK : ExitCode.FAILED;
}
