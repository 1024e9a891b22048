import os from 'node:os';

/** Environment variables by name, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export function homeOf(env: Environment): string {
  return env.HOME || os.homedir();
}
