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

/** Adds `ripcord doctor`, which checks this machine, the engine and the limits that are in force. */
export function addDoctor(program: Command, context: CliContext): void {
  const command = program
    .command('doctor')
    .summary('check which limits this engine enforces and which parts are missing')
    .description(
      'Checks this machine and the engine, then checks inside a probe sandbox which limits are really in force. ' +
        'Every problem comes with a fix. Exit code 1 if a check fails.',
    )
    .option('--image <name>', "image of the probe sandbox (default: one of Ripcord's own that the engine has)")
    .option('--no-probe', 'skip the probe sandbox')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord doctor', 'all checks'],
        ['ripcord doctor --docker tcp://build-host:2375', 'another engine'],
        ['ripcord doctor --json | jq \'.findings[] | select(.status != "ok")\'', 'only warnings and failures'],
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
