/** Progress of the set-up: one live line on a terminal, plain lines anywhere else. */

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
// Without a terminal a long step still says that it lives.
const HEARTBEAT_MS = 15_000;

/**
 * @typedef {object} Step
 * @property {(detail: string) => void} say what it is doing right now
 *
 * @typedef {object} Progress
 * @property {<T>(title: string, work: (step: Step) => Promise<T>) => Promise<T>} run shows `title` while `work` runs
 * @property {(text: string) => void} note prints a line of its own
 * @property {(text: string) => void} warn prints a line that stands out
 */

/**
 * @param {NodeJS.WriteStream} [out]
 * @returns {Progress}
 */
export function createProgress(out = process.stdout) {
  const live = Boolean(out.isTTY) && process.env.TERM !== 'dumb' && !process.env.CI;
  const colour = paint(Boolean(out.isTTY) && !process.env.NO_COLOR);
  /** @type {Set<{ title: string, detail: string, begun: number }>} */
  const running = new Set();
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  let frame = 0;

  const clear = () => live && running.size > 0 && out.write('\r\x1b[K');
  const draw = () => {
    if (!live || running.size === 0) return;
    const steps = [...running].map(
      (step) => `${step.title} ${seconds(step.begun)}${step.detail && `: ${step.detail}`}`,
    );
    const text = steps.join(' · ').slice(0, Math.max(20, (out.columns ?? 80) - 3));
    out.write(`\r\x1b[K${colour.cyan(FRAMES[frame++ % FRAMES.length])} ${text}`);
  };
  const heartbeat = () => {
    for (const step of running)
      out.write(`  … ${step.title} (${seconds(step.begun)}${step.detail && `, ${step.detail}`})\n`);
  };
  const line = (/** @type {string} */ text) => {
    clear();
    out.write(`${text}\n`);
    draw();
  };
  const tick = () => {
    clearInterval(timer);
    if (running.size > 0) timer = setInterval(live ? draw : heartbeat, live ? FRAME_MS : HEARTBEAT_MS).unref();
  };

  return {
    async run(title, work) {
      const step = { title, detail: '', begun: Date.now() };
      if (!live) out.write(`  ${title} …\n`);
      running.add(step);
      tick();
      const finish = (/** @type {string} */ mark) => {
        clear();
        running.delete(step);
        line(`${mark} ${title} ${colour.dim(`(${seconds(step.begun)})`)}`);
        tick();
      };
      try {
        const result = await work({
          say(detail) {
            step.detail = detail.trim().slice(0, 100);
          },
        });
        finish(colour.green('✓'));
        return result;
      } catch (error) {
        finish(colour.red('✗'));
        throw error;
      }
    },
    note: (text) => line(text),
    warn: (text) => line(`${colour.yellow('!')} ${text}`),
  };
}

/** @param {number} begun */
function seconds(begun) {
  return `${((Date.now() - begun) / 1000).toFixed(1)} s`;
}

/** @param {boolean} on */
function paint(on) {
  const code = (/** @type {number} */ n) => (/** @type {string} */ text) => (on ? `\x1b[${n}m${text}\x1b[0m` : text);
  return { red: code(31), green: code(32), yellow: code(33), cyan: code(36), dim: code(2) };
}
