/** `node scripts/bench/render.mjs`: draws the charts and pages again from docs/bench/results.json, without measuring. */
import { readFileSync } from 'node:fs';
import { inProject } from '../setup/paths.mjs';
import { render } from './results.mjs';

const directory = process.argv[2] ?? inProject('docs', 'bench');
render(directory, JSON.parse(readFileSync(`${directory}/results.json`, 'utf8')));
