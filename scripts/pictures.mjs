/**
 * `node scripts/pictures.mjs`: makes the pictures of the documentation: docs/pictures/tournament.svg from a tournament of four
 * problems on this machine, docs/dashboard/approval.png from the dashboard's tests in Chromium.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inProject, ROOT } from './setup/paths.mjs';
import { run } from './setup/run.mjs';

const FONT = 13;
/** Width and height of a character, in pixels. */
const [WIDTH, HEIGHT] = [7.83, 18];
const PADDING = 16;

/**
 * Draws the output of a command as a terminal.
 * @param {string} command
 * @param {string} output
 * @returns {string} an SVG document
 */
function terminal(command, output) {
  const lines = [`$ ${command}`, ...output.trimEnd().split('\n')];
  const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * WIDTH) + 2 * PADDING;
  const height = lines.length * HEIGHT + 2 * PADDING;
  const escaped = (/** @type {string} */ text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const colour = (/** @type {string} */ line) => {
    if (line.startsWith('$') || /^\d+ of \d+ problems/.test(line)) return '#e6edf3';
    if (/ won /.test(line)) return '#7ee787';
    return /^[A-Z]+ .*HOW$/.test(line) ? '#79c0ff' : '#9aa4b0';
  };
  const texts = lines.map(
    (line, at) =>
      `<text x="${PADDING}" y="${PADDING + at * HEIGHT + FONT}" fill="${colour(line)}" xml:space="preserve">${escaped(line)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Output of ${command}">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="${FONT}">
${texts.join('\n')}
</g>
</svg>
`;
}

async function tournament() {
  const temp = mkdtempSync(path.join(os.tmpdir(), 'ripcord-pictures-'));
  try {
    const args = ['tournament', '--limit', '4', '--seed', '985516', '--out', path.join(temp, 'out')];
    const stdout = await run(process.execPath, [inProject('dist', 'cli', 'main.js'), ...args], { cwd: ROOT });
    const shown = stdout.replace(/; the winners are in .*/, '').replace(/the same line-ups again.*\n?/, '');
    mkdirSync(inProject('docs', 'pictures'), { recursive: true });
    writeFileSync(inProject('docs', 'pictures', 'tournament.svg'), terminal('ripcord tournament --limit 4', shown));
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

async function dashboard() {
  const temp = mkdtempSync(path.join(os.tmpdir(), 'ripcord-pictures-'));
  try {
    const args = [inProject('node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/docker/dashboard.test.ts'];
    await run(process.execPath, args, { cwd: ROOT, env: { ...process.env, RIPCORD_PICTURES: temp } });
    copyFileSync(path.join(temp, 'approval-light.png'), inProject('docs', 'dashboard', 'approval.png'));
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
if (wanted.length === 0 || wanted.includes('tournament')) await tournament();
if (wanted.length === 0 || wanted.includes('dashboard')) await dashboard();
