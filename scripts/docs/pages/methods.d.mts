/** The entry points of package.json: name, and path below src. */
export const ENTRY_POINTS: [name: string, path: string][];
