/** All pages of docs/reference. */
import { page } from './markdown.mjs';
import { cliPage } from './pages/cli.mjs';
import { environmentPage } from './pages/environment.mjs';
import { errorsPage, eventsPage, outcomesPage } from './pages/lists.mjs';
import { methodsPage, typesPage } from './pages/methods.mjs';
import { optionsPage } from './pages/options.mjs';

const INDEX = [
  ['options.md', 'options: every option of every call, with unit and default'],
  ['methods.md', 'methods: classes and functions'],
  ['types.md', 'types: results, contexts and callbacks'],
  ['outcomes.md', 'outcomes: the ends a command can have'],
  ['errors.md', 'errors: every code, its meaning and its remedy'],
  ['events.md', 'events of the manager and of the iteration executor'],
  ['environment.md', 'environment variables that Ripcord reads'],
  ['cli.md', 'the command line: the help of every command'],
];

/**
 * Returns the text of each page by its file name.
 * @param src The directory of the sources, which types and TSDoc are read from.
 * @param values Loaded values: the modules of error codes, statuses and outcomes, and the program of the command line.
 */
export function referencePages(src, { codes, statusOf, outcomes, program }) {
  return {
    'index.md': page(
      'Reference',
      'Generated from the sources, and compared with them by a test.',
      INDEX.map(([file, about]) => `- [${about}](${file})`).join('\n'),
    ),
    'options.md': optionsPage(src),
    'methods.md': methodsPage(src),
    'types.md': typesPage(src),
    'outcomes.md': outcomesPage(outcomes),
    'errors.md': errorsPage(src, codes, statusOf),
    'events.md': eventsPage(src),
    'environment.md': environmentPage(),
    'cli.md': cliPage(program),
  };
}
