import type { Command } from 'commander';

export function referencePages(
  src: string,
  values: {
    codes: Record<string, object>;
    statusOf: (code: string) => number;
    outcomes: Record<string, string>;
    program: Command;
  },
): Record<string, string>;
