/** Pages of what each entry point exports: classes and functions, and the types they return. */
import { join, resolve } from 'node:path';
import { block, code, page, prose, table } from '../markdown.mjs';
import { OPTION_FILES } from '../option-files.mjs';
import { constructorOf, exportsOf, functionSignature, membersOf, tagOf, tagsOf, textOf } from '../source-reader.mjs';
import { fieldTable } from './options.mjs';

/** The entry points of package.json. */
export const ENTRY_POINTS = [
  ['ripcord-sandbox', 'index.ts'],
  ['ripcord-sandbox/tools', 'tools/index.ts'],
  ['ripcord-sandbox/ai-sdk', 'ai-sdk/index.ts'],
  ['ripcord-sandbox/client', 'client/index.ts'],
  ['ripcord-sandbox/server', 'server/index.ts'],
];

const isError = ({ name }) => name.endsWith('Error');

/** Returns the exports of each entry point. A name that several of them export is listed under the first. */
function exportedOnce(src) {
  const seen = new Set();
  return ENTRY_POINTS.map(([name, path]) => {
    const found = exportsOf(join(src, path)).filter((one) => !seen.has(one.file + one.name));
    for (const one of found) seen.add(one.file + one.name);
    return [name, found];
  });
}

export function methodsPage(src) {
  const sections = exportedOnce(src).map(([name, found]) => {
    const classes = found.filter((one) => one.kind === 'class' && !isError(one)).flatMap(classSection);
    const functions = found.filter(({ kind }) => kind === 'function').flatMap(functionSection);
    return classes.length + functions.length === 0 ? [] : [`## ${name}`, ...classes, ...functions];
  });
  return page(
    'Methods',
    'Classes and functions, by entry point. [Types](types.md) has their results, [Options](options.md) their options.',
    sections,
  );
}

function classSection(declaration) {
  const { name, doc } = declaration;
  const made = constructorOf(declaration);
  const members = membersOf(declaration);
  const properties = members.filter(({ isMethod }) => !isMethod);
  const rows = properties.map(({ signatures, doc: about, isStatic, name: own }) => [
    code(`${isStatic ? `${name}.` : ''}${own}`),
    code(signatures[0].slice(own.length + 2) || 'string'),
    prose(about.text),
  ]);
  return [
    `### ${name}`,
    prose(doc.text),
    ...(made ? [block(made.text), prose(made.doc.text)] : []),
    ...(rows.length > 0 ? [table(['Property', 'Type', 'Meaning'], rows)] : []),
    ...members.filter(({ isMethod }) => isMethod).flatMap((member) => methodSection(name, member)),
  ];
}

function methodSection(owner, { name, isStatic, signatures, doc }) {
  const receiver = isStatic ? owner : owner[0].toLowerCase() + owner.slice(1);
  return [`#### ${receiver}.${name}()`, block(signatures.join('\n')), ...explained(doc)];
}

function functionSection(declaration) {
  return [`### ${declaration.name}()`, block(functionSignature(declaration)), ...explained(declaration.doc)];
}

function explained(doc) {
  const examples = tagsOf(doc, 'example');
  const returns = tagOf(doc, 'returns');
  const parameters = tagsOf(doc, 'param').map((text) => {
    const [, name, about] = /^(\S+)\s*([\s\S]*)$/.exec(text);
    return `- \`${name}\`: ${prose(about.replace(/^- /, ''))}`;
  });
  return [
    prose(doc.text),
    parameters.join('\n'),
    returns === undefined ? '' : `Returns: ${prose(returns)}`,
    ...tagsOf(doc, 'throws').map((text) => `Throws: ${prose(text)}`),
    ...examples.map((text) => block(text)),
  ];
}

export function typesPage(src) {
  const options = new Set(OPTION_FILES.map(({ path }) => resolve(src, path)));
  const sections = exportedOnce(src).map(([name, found]) => {
    const types = found.filter(({ kind, file }) => (kind === 'interface' || kind === 'type') && !options.has(file));
    return types.length === 0 ? [] : [`## ${name}`, ...types.flatMap(typeSection)];
  });
  return page(
    'Types',
    'Types of results, contexts and callbacks, by entry point. [Options](options.md) have a page of their own, as have [events](events.md) and [errors](errors.md).',
    sections,
  );
}

const UNIONS = new Set([
  'ManagerEvent',
  'PoolEvent',
  'RunEventBody',
  'CommandEvent',
  'EgressEvent',
  'ErrorCode',
  'FileErrorCode',
  'CommitErrorCode',
]);

function typeSection(declaration) {
  const { kind, name, doc, node } = declaration;
  if (UNIONS.has(name)) return [];
  const body =
    kind === 'interface'
      ? fieldTable(declaration, false)
      : block(`type ${name} = ${textOf(declaration, node.typeAnnotation)}`);
  return [`### ${name}`, prose(doc.text), body];
}
