/** The languages of programs, and what else they are called: by their interpreters and the ends of their files. */

export const LANGUAGES = ['python', 'javascript', 'typescript', 'bash'] as const;
export type Language = (typeof LANGUAGES)[number];

const ALIASES = {
  python3: 'python', py: 'python',
  js: 'javascript', mjs: 'javascript', cjs: 'javascript', node: 'javascript',
  ts: 'typescript', tsx: 'typescript', mts: 'typescript', cts: 'typescript',
  sh: 'bash', shell: 'bash',
} as const; // biome-ignore format: a table

/** A language by its name, or as `py`, `js`, `ts`, `sh` and the like. */
export type LanguageName = Language | keyof typeof ALIASES;

const NAMES = new Map<string, Language>([
  ...LANGUAGES.map((name) => [name, name] as const),
  ...Object.entries(ALIASES),
]);

/** The language of that name, in any case of letters; undefined for one that is none. */
export const languageNamed = (name: string): Language | undefined => NAMES.get(name.toLowerCase());
