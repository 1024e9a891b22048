/** Page of all options: a table for each interface. */
import { join } from 'node:path';
import { code, page, prose, table } from '../markdown.mjs';
import { OPTION_FILES } from '../option-files.mjs';
import { declarationsOf, fieldsOf, tagOf, textOf } from '../source-reader.mjs';

export function optionsPage(src) {
  const sections = OPTION_FILES.map(({ path, title }) => [
    `## ${title}`,
    declarationsOf(join(src, path)).filter(isPublic).map(section),
  ]);
  return page(
    'Options',
    "Times are in milliseconds and end in `Ms`. Sizes are bytes, or strings such as `'512m'` with units of 1024. An unknown option is an " +
      'error that names it. A name in bold is required.',
    sections,
  );
}

const isPublic = ({ kind, name }) =>
  kind === 'interface' || (kind === 'type' && !/^(Resolved|CallerPolicy|Patience$)/.test(name));

function section(declaration) {
  const { kind, name, doc, node } = declaration;
  const title = [`### ${name}`, prose(doc.text)];
  return kind === 'type'
    ? [...title, code(textOf(declaration, node.typeAnnotation))]
    : [...title, fieldTable(declaration)];
}

/** @param isInput Marks required names; a result marks those that may be missing. */
export function fieldTable(declaration, isInput = true) {
  const fields = fieldsOf(declaration);
  const withDefaults = fields.some(({ doc }) => tagOf(doc, 'default') !== undefined);
  const rows = fields.map(({ name, optional, type, doc }) => [
    isInput ? (optional ? code(name) : `**${code(name)}**`) : code(optional ? `${name}?` : name),
    code(type.replace(/ \| undefined$/, '')),
    ...(withDefaults ? [shownDefault(tagOf(doc, 'default'))] : []),
    prose(doc.text),
  ]);
  return rows.length === 0 ? '' : table(['Name', 'Type', ...(withDefaults ? ['Default'] : []), 'Meaning'], rows);
}

/** `30_000 (30 s)`: the value as code, its amount beside it. */
function shownDefault(tag) {
  if (tag === undefined) return '';
  const [, literal, amount] = /^(.*?)(?: (\(\d[^)]*\)))?$/.exec(tag);
  return [code(literal), amount].filter(Boolean).join(' ');
}
