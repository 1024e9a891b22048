import type { Command } from 'commander';
import { examine } from '../../doctor/examine.js';
import { type Area, type Finding, type Status, worst } from '../../doctor/finding.js';
import { type CliContext, globalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { examples } from '../help.js';
import { plural } from '../terminal/format.js';
import { paint } from '../terminal/paint.js';
import { safeText } from '../terminal/safe-text.js';
import { wrap } from '../terminal/wrap.js';

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
      const print = new Printer();
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

const TITLES: Record<Area, string> = {
  engine: 'Engine',
  limits: 'Limits the engine can enforce',
  isolation: 'Isolation',
  ripcord: 'Ripcord',
  probe: 'In force inside a probe sandbox',
};

/** Under the messages. */
const INDENT = 8;

class Printer {
  readonly #colour = paint(process.stdout);
  readonly #marks: Record<Status, string>;
  #area: Area | undefined;

  constructor() {
    const { green, yellow, red } = this.#colour;
    this.#marks = { ok: green('ok  '), warn: yellow('warn'), fail: red('FAIL') };
  }

  finding({ area, status, message, fix }: Finding): void {
    if (area !== this.#area) this.#print(`${this.#area ? '\n' : ''}${this.#colour.bold(TITLES[area])}`);
    this.#area = area;
    this.#print(`  ${this.#marks[status]}  ${wrap(safeText(message), INDENT)}`);
    if (fix && status !== 'ok') this.#print(this.#colour.dim(`${' '.repeat(INDENT)}${wrap(safeText(fix), INDENT)}`));
  }

  summary(findings: readonly Finding[]): void {
    const count = (status: Status) => findings.filter((finding) => finding.status === status).length;
    const { red, yellow, green } = this.#colour;
    const parts = [
      green(`${count('ok')} ok`),
      count('warn') > 0 ? yellow(plural(count('warn'), 'warning')) : undefined,
      count('fail') > 0 ? red(plural(count('fail'), 'failure')) : undefined,
    ];
    this.#print(`\n${parts.filter(Boolean).join(', ')}`);
  }

  #print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}
