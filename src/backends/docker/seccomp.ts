/** Provides the seccomp profile of sandboxes, which is sent with every create. */
import { readFileSync } from 'node:fs';
import { packageFile } from '../../base/package-files.js';

interface Profile {
  defaultAction: string;
  defaultErrnoRet: number;
  archMap: object[];
  syscalls: { comment?: string }[];
}

let option: string | undefined;

/**
 * Returns the profile as a value of `SecurityOpt`. It is read once, and fields meant for humans are removed, because an
 * engine may refuse unknown fields.
 */
export function seccompOption(): string {
  option ??= `seccomp=${minify(JSON.parse(readFileSync(packageFile('sandbox-images/seccomp.json'), 'utf8')))}`;
  return option;
}

function minify({ defaultAction, defaultErrnoRet, archMap, syscalls }: Profile): string {
  const rules = syscalls.map(({ comment: _, ...rule }) => rule);
  return JSON.stringify({ defaultAction, defaultErrnoRet, archMap, syscalls: rules });
}
