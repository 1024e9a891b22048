/** The system calls a sandbox may make: our own profile, which travels with every create. */
import { readFileSync } from 'node:fs';
import { packageFile } from '../../base/package-files.js';

interface Profile {
  defaultAction: string;
  defaultErrnoRet: number;
  archMap: object[];
  syscalls: { comment?: string }[];
}

let option: string | undefined;

/** As a value of `SecurityOpt`. Read once, and without what is for people: an engine may be strict about fields. */
export function seccompOption(): string {
  option ??= `seccomp=${minify(JSON.parse(readFileSync(packageFile('sandbox-images/seccomp.json'), 'utf8')))}`;
  return option;
}

function minify({ defaultAction, defaultErrnoRet, archMap, syscalls }: Profile): string {
  const rules = syscalls.map(({ comment: _, ...rule }) => rule);
  return JSON.stringify({ defaultAction, defaultErrnoRet, archMap, syscalls: rules });
}
