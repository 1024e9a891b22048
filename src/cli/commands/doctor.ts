import type { Command } from 'commander';
import { worst } from '../../backends/finding.js';
import { examine } from '../../doctor/examine.js';
import { type CliContext, globalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { examples } from '../help.js';
import { FindingPrinter } from '../terminal/findings.js';

interface DoctorFlags {
  probe: boolean;
  image?: string;
  json?: boolean;
}

/** `ripcord doctor`: what works here, what is enforced, what to do about the rest. */
export function addDoctor(program: Command, context: CliContext): void {
  const command = program
    .command('doctor')
    .summary('check what this engine can enforce, and what is missing')
    .description(
      'Looks at this machine, the engine and what Ripcord needs, then asks a probe sandbox what is really in force. ' +
        'Every finding that is not good comes with what to do about it. Exit code 1 when something fails.',
    )
    .option('--image <name>', 'the image of the probe sandbox (default: one of ours that is there)')
    .option('--no-probe', 'make no sandbox')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord doctor', 'everything'],
        ['ripcord doctor --docker tcp://build-host:2375', 'another engine'],
        ['ripcord doctor --json | jq \'.findings[] | select(.status != "ok")\'', 'what is not as it should be'],
      ]),
    )
    .action(async (flags: DoctorFlags) => {
      const { docker } = globalOptions(command);
      const { signal } = context.interrupt;
      const print = new FindingPrinter();
      const report = await examine({
        docker,
        signal,
        probe: flags.probe,
        image: flags.image,
        onFinding: flags.json ? undefined : (finding) => print.finding(finding),
      });
      if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`);
      else print.summary(report.findings);
      const failed = worst(report.findings) === 'fail' ? ExitCode.FAILED : ExitCode.OK;
      context.exitCode = context.interrupt.exitCode ?? failed;
    });
}
