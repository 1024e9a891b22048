export interface Doc {
  text: string;
  tags: { name: string; text: string }[];
}

export interface Declaration {
  kind: 'interface' | 'class' | 'function' | 'type' | 'constant';
  name: string;
  file: string;
  source: string;
  doc: Doc;
}

export interface Field {
  name: string;
  /** Name of the interface that declares it, if it is inherited. */
  owner: string;
  optional: boolean;
  isMethod: boolean;
  type: string;
  doc: Doc;
}

/** Returns the exported declarations of a file, in its order. */
export function declarationsOf(file: string): Declaration[];
/** Returns the fields of an interface, inherited ones included. */
export function fieldsOf(declaration: Declaration): Field[];
export function tagOf(doc: Doc, name: string): string | undefined;
/** Returns everything that an entry point exports, each with its declaration. */
export function exportsOf(file: string): Declaration[];
/** Returns the public members of a class. */
export function membersOf(declaration: Declaration): { name: string; signatures: string[]; doc: Doc }[];
