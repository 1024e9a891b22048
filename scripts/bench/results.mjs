/** A run's results on disk: results.json, two pictures of each chart, a page, and the README's part where there is one. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inProject } from '../setup/paths.mjs';
import { drawChart, THEMES } from './charts.mjs';
import { page } from './page.mjs';
import { measuredSection, replaceSection } from './readme-section.mjs';

/**
 * @param {string} directory
 * @param {object} results
 */
export async function writeResults(directory, results) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
  render(directory, results);
}

/** Draws from results.json what is drawn from it. */
export function render(directory, results) {
  const drawn = new Set();
  for (const { charts } of Object.values(results.subjects)) {
    for (const chart of charts) {
      for (const theme of Object.keys(THEMES)) {
        const file = `${chart.name}-${theme}.svg`;
        writeFileSync(join(directory, file), drawChart(chart, theme));
        drawn.add(file);
      }
    }
  }
  for (const file of readdirSync(directory)) {
    if (file.endsWith('.svg') && !drawn.has(file)) rmSync(join(directory, file));
  }
  writeFileSync(join(directory, 'README.md'), page(results));
  if (directory === inProject('docs', 'bench')) updateReadme(results);
}

function updateReadme(results) {
  const file = inProject('README.md');
  if (!existsSync(file)) return;
  const text = readFileSync(file, 'utf8');
  const updated = replaceSection(text, measuredSection(results));
  if (updated !== text) writeFileSync(file, updated);
}
