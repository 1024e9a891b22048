/**
 * Reads the public declarations of TypeScript sources with their TSDoc: interfaces, classes, functions, types. It needs no type
 * checker, because public types are written out where they are declared.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/** @typedef {{ text: string, tags: { name: string, text: string }[] }} Doc */
/** @typedef {{ kind: string, name: string, file: string, node: any, source: string, doc: Doc }} Declaration */

const parsed = new Map();

/** Returns the parsed program and the text of a source file. */
function parse(file) {
  if (!parsed.has(file)) {
    const source = readFileSync(file, 'utf8');
    parsed.set(file, { source, program: parseAst(source, { lang: file.endsWith('.tsx') ? 'tsx' : 'ts' }, file) });
  }
  return parsed.get(file);
}

const NOTHING = { text: '', tags: [] };
const BEFORE = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\|\s*)?$/;

/** Returns the TSDoc that ends where a node begins. `|` may stand between the two: the members of a union. */
export function docBefore(source, start) {
  const comment = BEFORE.exec(source.slice(0, start));
  if (!comment) return NOTHING;
  const lines = comment[1].split('\n').map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
  const [text, ...tags] = lines
    .join('\n')
    .trim()
    .split(/^@(?=[a-z])/m);
  return {
    text: flow(text),
    tags: tags.map((tag) => {
      const [, name, rest] = /^([a-zA-Z]+)\s*([\s\S]*)$/.exec(tag);
      return { name, text: name === 'example' ? rest.trimEnd() : flow(rest) };
    }),
  };
}

/** Joins the lines of a paragraph; an empty line stays a break. */
const flow = (text) =>
  text
    .trim()
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replace(/\s*\n\s*/g, ' '))
    .join('\n\n');

export const tagOf = (doc, name) => doc.tags.find((tag) => tag.name === name)?.text;
export const tagsOf = (doc, name) => doc.tags.filter((tag) => tag.name === name).map(({ text }) => text);
const isInternal = (doc) => doc.tags.some(({ name }) => name === 'internal');

const KINDS = {
  TSInterfaceDeclaration: 'interface',
  ClassDeclaration: 'class',
  FunctionDeclaration: 'function',
  TSDeclareFunction: 'function',
  TSTypeAliasDeclaration: 'type',
  VariableDeclaration: 'constant',
};

/** Returns the exported declarations of a file, in its order. Re-exports are followed by {@link exportsOf}. */
export const declarationsOf = (file) => allDeclarationsOf(file).filter(({ isExported }) => isExported);

function allDeclarationsOf(file) {
  const { source, program } = parse(file);
  return program.body
    .map((node) => ({
      node,
      declaration: node.declaration ?? node,
      isExported: node.type === 'ExportNamedDeclaration',
    }))
    .filter(({ declaration }) => KINDS[declaration.type])
    .map(({ node, declaration, isExported }) => {
      const name = (declaration.id ?? declaration.declarations[0].id).name;
      const kind = KINDS[declaration.type];
      return { kind, name, file, isExported, node: declaration, source, doc: docBefore(source, node.start) };
    });
}

/** Returns everything that an entry point exports, each with its declaration. */
export function exportsOf(file) {
  const { program } = parse(file);
  const found = [...declarationsOf(file)];
  for (const node of program.body) {
    if (node.type !== 'ExportNamedDeclaration' || !node.source) continue;
    const from = sourceFile(file, node.source.value);
    for (const { local } of node.specifiers) found.push(...lookUp(from, local.name));
  }
  return found;
}

function lookUp(file, name) {
  const here = allDeclarationsOf(file).filter((one) => one.name === name);
  if (here.length > 0) return here;
  for (const node of parse(file).program.body) {
    if (!/^(Export|Import)/.test(node.type) || !node.source) continue;
    const specifier = node.specifiers.find((one) => (one.exported ?? one.local).name === name);
    if (specifier) return lookUp(sourceFile(file, node.source.value), (specifier.imported ?? specifier.local).name);
  }
  throw new Error(`${file}: no declaration of '${name}'`);
}

const sourceFile = (from, path) => resolve(dirname(from), path.replace(/\.js$/, '.ts'));

/** Finds the declaration that `name` means in a file: its own, exported or not, or an imported one. */
export function declarationOf(file, name) {
  return lookUp(file, name)[0];
}

const oneLine = (text) =>
  text
    .replace(/\/\*\*[\s\S]*?\*\/\s*/g, '')
    .replace(/\s+/g, ' ')
    .replace(/,? ([)}\]])/g, ' $1')
    .replace(/\( /g, '(')
    .replace(/ \)/g, ')')
    .trim();
const slice = (source, node) => oneLine(source.slice(node.start, node.end));

/** Returns the fields of an interface: its own, and those of the interfaces it extends, also by Pick and Omit. */
export function fieldsOf({ node, source, file }) {
  const own = node.body.body
    .filter(({ key }) => key?.name)
    .map((member) => {
      const doc = docBefore(source, member.start);
      const isMethod = member.type === 'TSMethodSignature';
      const type = isMethod ? signature(source, member) : slice(source, member.typeAnnotation.typeAnnotation);
      return { name: member.key.name, owner: node.id.name, optional: member.optional === true, isMethod, type, doc };
    });
  const names = new Set(own.map(({ name }) => name));
  const inherited = (node.extends ?? []).flatMap((parent) => inheritedFields(parent, file));
  return [...own, ...inherited.filter(({ name }) => !names.has(name))].filter(({ doc }) => !isInternal(doc));
}

function inheritedFields(parent, file) {
  const name = parent.expression.name;
  const typeArguments = parent.typeArguments?.params ?? [];
  if (name !== 'Pick' && name !== 'Omit') {
    const declaration = findInterface(file, name);
    return declaration ? fieldsOf(declaration) : [];
  }
  const [of, keys] = typeArguments;
  const declaration = findInterface(file, of.typeName.name);
  if (!declaration) return [];
  const chosen = new Set((keys.types ?? [keys]).map(({ literal }) => literal.value));
  return fieldsOf(declaration).filter((field) => chosen.has(field.name) === (name === 'Pick'));
}

/** Interfaces of other packages, and classes, have no entry: their fields are documented elsewhere. */
function findInterface(file, name) {
  try {
    const declaration = declarationOf(file, name);
    return declaration.kind === 'interface' ? declaration : undefined;
  } catch {
    return undefined;
  }
}

function signature(source, { key, typeParameters, params, returnType }) {
  const generic = typeParameters ? slice(source, typeParameters) : '';
  const shown = params.map((param) => parameter(source, param)).join(', ');
  const result = returnType ? `: ${slice(source, returnType.typeAnnotation)}` : '';
  return `${key?.name ?? ''}${generic}(${shown})${result}`;
}

/** A parameter that is taken apart is shown by its type; a default makes it optional. */
function parameter(source, param) {
  if (param.type === 'AssignmentPattern') {
    const { left } = param;
    const type = left.typeAnnotation ? slice(source, left.typeAnnotation.typeAnnotation) : undefined;
    const name = left.type === 'Identifier' ? left.name : 'options';
    return type === undefined ? `${name} = ${slice(source, param.right)}` : `${name}?: ${type}`;
  }
  if (param.type === 'ObjectPattern') return `options: ${slice(source, param.typeAnnotation.typeAnnotation)}`;
  return slice(source, param);
}

/** Returns the signature of a function declaration. */
export function functionSignature({ name, node, source }) {
  return signature(source, { ...node, key: { name } });
}

/** Returns the public members of a class. Overloads are one member with several signatures. */
export function membersOf({ node, source }) {
  const members = new Map();
  for (const member of node.body.body) {
    const name = member.key?.name;
    if (!name || member.key.type === 'PrivateIdentifier' || member.computed) continue;
    if (member.accessibility === 'private' || member.accessibility === 'protected' || name === 'constructor') continue;
    const doc = docBefore(source, member.start);
    if (isInternal(doc)) continue;
    const isMethod = member.type === 'MethodDefinition' && member.kind === 'method';
    const entry = members.get(name) ?? { name, isMethod, isStatic: member.static, signatures: [], doc: NOTHING };
    const overload = member.value?.body === null || member.value?.type === 'TSEmptyBodyFunctionExpression';
    if (!overload && entry.signatures.length > 0 && isMethod) continue;
    entry.signatures.push(memberSignature(source, member, isMethod));
    if (doc.text !== '' || doc.tags.length > 0) entry.doc = doc;
    members.set(name, entry);
  }
  return [...members.values()];
}

function memberSignature(source, member, isMethod) {
  if (isMethod) return signature(source, { ...member.value, key: member.key });
  const annotation = member.typeAnnotation ?? member.value?.returnType;
  return annotation ? `${member.key.name}: ${slice(source, annotation.typeAnnotation)}` : member.key.name;
}

/** Returns the constructor's signature, or undefined if it is private or internal. */
export function constructorOf({ name, node, source }) {
  const member = node.body.body.find(({ kind }) => kind === 'constructor');
  if (!member || member.accessibility === 'private' || isInternal(docBefore(source, member.start))) return undefined;
  return { text: `new ${signature(source, { ...member.value, key: { name } })}`, doc: docBefore(source, member.start) };
}

/** Returns the text of a type alias or of one member of a union. */
export const textOf = ({ source }, node) => slice(source, node);

/** Returns the members of a union of object types: `type` of each, its fields and its TSDoc. Named members are followed. */
export function eventsOf(declaration) {
  const { kind, node, source, file, doc: about } = declaration;
  if (kind === 'interface') return [{ doc: about, fields: fieldsOf(declaration) }];
  return unionMembers(node.typeAnnotation).flatMap((member) => {
    if (member.type === 'TSTypeReference') return eventsOf(declarationOf(file, member.typeName.name));
    if (member.type !== 'TSTypeLiteral') return [];
    const fields = member.members.map((field) => ({
      name: field.key.name,
      optional: field.optional === true,
      type: slice(source, field.typeAnnotation.typeAnnotation),
      doc: docBefore(source, field.start),
    }));
    return [{ doc: docBefore(source, member.start), fields }];
  });
}

const unionMembers = (type) => (type.type === 'TSUnionType' ? type.types : [type]);
