/** Names of programming languages, with aliases: their interpreters and file extensions. */

export const LANGUAGES = ['python', 'javascript', 'typescript', 'bash'] as const;
export type Language = (typeof LANGUAGES)[number];

const ALIASES = {
  python3: 'python', py: 'python',
  js: 'javascript', mjs: 'javascript', cjs: 'javascript', node: 'javascript',
  ts: 'typescript', tsx: 'typescript', mts: 'typescript', cts: 'typescript',
  sh: 'bash', shell: 'bash',
} as const; // biome-ignore format: a table

/** A language's name, or an alias such as `py`, `js`, `ts` or `sh`. */
export type LanguageName = Language | keyof typeof ALIASES;

const NAMES = new Map<string, Language>([
  ...LANGUAGES.map((name) => [name, name] as const),
  ...Object.entries(ALIASES),
]);

/** Returns the language with that name or alias, in any case. Undefined for an unknown name. */
export const languageNamed = (name: string): Language | undefined => NAMES.get(name.toLowerCase());
