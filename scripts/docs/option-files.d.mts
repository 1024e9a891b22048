export const OPTION_FILES: { path: string; title: string }[];
