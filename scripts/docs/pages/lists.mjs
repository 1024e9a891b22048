/** Pages of the closed lists: errors, outcomes, events. */
import { join } from 'node:path';
import { code, page, prose, table } from '../markdown.mjs';
import { declarationOf, eventsOf, exportsOf } from '../source-reader.mjs';
import { ENTRY_POINTS } from './methods.mjs';

const GROUPS = [
  ['LIBRARY_CODES', 'Library', 'Errors that any call of the library can throw.'],
  [
    'FILE_CODES',
    'Files',
    '`FileError`: a file operation failed. `errno` has the name that the kernel gives the reason, `path` the path.',
  ],
  ['COMMIT_CODES', 'Commits', '`CommitError`: a commit did not happen, or could not be undone.'],
  ['SERVER_CODES', 'Server', 'Errors that only a server, or the client of one, has.'],
];

/** @param codes The module base/error-codes. @param statusOf The HTTP status of a code. */
export function errorsPage(src, codes, statusOf) {
  const classes = ENTRY_POINTS.flatMap(([, path]) => exportsOf(join(src, path))).filter(
    ({ kind, name }) => kind === 'class' && name.endsWith('Error'),
  );
  const once = [...new Map(classes.map((one) => [one.name, one])).values()];
  const sections = GROUPS.map(([name, title, about]) => [
    `## ${title}`,
    about,
    table(
      ['Code', 'Meaning', 'Remedy', 'HTTP'],
      Object.entries(codes[name]).map(([key, { meaning, remedy }]) => [
        code(key),
        prose(meaning),
        prose(remedy),
        String(statusOf(key)),
      ]),
    ),
  ]);
  return page(
    'Errors',
    'Every error is a `RipcordError` with a stable `code`, a `message` that names the problem, and a `hint` where a person can do something. ' +
      'A non-zero exit code, a time-out and running out of memory are not errors but [outcomes](outcomes.md). HTTP is the status that a server answers with.',
    '## Classes',
    table(
      ['Class', 'Meaning'],
      once.map(({ name, doc }) => [code(name), prose(doc.text)]),
    ),
    sections,
  );
}

export function outcomesPage(meanings) {
  return page(
    'Outcomes',
    'The `outcome` of a command is one of this closed list. `exec()` and `runCode()` resolve with all of them; none is an error.',
    table(
      ['Outcome', 'Meaning'],
      Object.entries(meanings).map(([name, meaning]) => [code(name), prose(meaning)]),
    ),
  );
}

export function eventsPage(src) {
  const index = join(src, 'index.ts');
  const run = declarationOf(index, 'RunEventBody');
  return page(
    'Events',
    'The time `at` of an event is in milliseconds since 1970.',
    '## Manager',
    "`manager.on('event', (event) => …)` receives them.",
    eventTable(eventsOf(declarationOf(index, 'ManagerEvent'))),
    '## Iteration executor',
    '`onEvent` of `run()` and `task.events()` receive them. Each also has `run`, `seq` (from 1, without a gap) and `at`.',
    eventTable(eventsOf(run)),
  );
}

function eventTable(events) {
  const rows = events.map(({ doc, fields }) => {
    const [type, ...others] = fields;
    const notes = others
      .filter((field) => field.doc.text !== '')
      .map(({ name, doc: about }) => `${code(name)}: ${prose(about.text)}`);
    const shown = others
      .filter(({ name }) => name !== 'at')
      .map(({ name, optional, type: of }) => code(`${name}${optional ? '?' : ''}: ${of}`));
    return [
      code(type.type.replaceAll("'", '')),
      prose([doc.text, ...notes].filter(Boolean).join(' ')),
      shown.join(', '),
    ];
  });
  return table(['Type', 'Meaning', 'Fields'], rows);
}
