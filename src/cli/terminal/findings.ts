import type { Area, Finding, Status } from '../../backends/finding.js';
import { safeText } from '../../base/harmless-text.js';
import { plural } from './format.js';
import { paint } from './paint.js';
import { wrap } from './wrap.js';

const TITLES: Record<Area, string> = {
  engine: 'Engine',
  limits: 'Limits the engine can enforce',
  isolation: 'Isolation',
  ripcord: 'Ripcord',
  probe: 'In force inside a probe sandbox',
};

/** Column at which the messages begin. */
const INDENT = 8;

/** Prints the doctor's findings, a title before each area. */
export class FindingPrinter {
  readonly #colour = paint(process.stdout);
  readonly #marks: Record<Status, string>;
  #area: Area | undefined;

  constructor() {
    const { green, yellow, red } = this.#colour;
    this.#marks = { ok: green('ok  '), warn: yellow('warn'), fail: red('FAIL') };
  }

  finding(finding: Finding): void {
    const { area } = finding;
    if (area !== this.#area) this.#print(`${this.#area ? '\n' : ''}${this.#colour.bold(TITLES[area])}`);
    this.#area = area;
    this.line(finding);
  }

  /** Prints one finding without the title of its area. */
  line({ status, message, fix }: Pick<Finding, 'status' | 'message' | 'fix'>): void {
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
