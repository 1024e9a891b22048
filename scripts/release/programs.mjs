/** Programs of a user of the package. None of them needs an engine. */

/** @param {string[]} entries */
export const importEach = (entries) =>
  `${entries.map((entry, at) => `import * as entry${at} from '${entry}'\n`).join('')}${printNames(entries)}`;

/** @param {string[]} entries */
export const requireEach = (entries) =>
  `${entries.map((entry, at) => `const entry${at} = require('${entry}')\n`).join('')}${printNames(entries)}`;

/** @param {string[]} entries */
export const importEachLater = (entries) =>
  `Promise.all(${JSON.stringify(entries)}.map((entry) => import(entry))).then((modules) => console.log(JSON.stringify(modules.map(Object.keys))))\n`;

/** @param {string[]} entries */
const printNames = (entries) =>
  `console.log(JSON.stringify([${entries.map((_, at) => `Object.keys(entry${at})`).join(', ')}]))\n`;

/** Uses the library and the client so far as that is possible without an engine and without a server. */
export const USE = `
import { SandboxManager, RipcordError } from 'ripcord-sandbox'
import { RipcordClient } from 'ripcord-sandbox/client'
SandboxManager.open({ dokcer: 1 }).catch((error) => {
  console.log(error instanceof RipcordError, error.code, typeof RipcordClient)
})
`;

/** The output of `USE`. */
export const PRINTED = 'true invalid-options function\n';

/** The first program of a user, with \`undefined\` for options that may be left out. */
export const USE_TYPED = `
import { SandboxManager, type CommandResult } from 'ripcord-sandbox'
export async function main(signal?: AbortSignal | undefined): Promise<CommandResult> {
  const manager = await SandboxManager.open({ docker: undefined, signal })
  const sandbox = await manager.create({ image: 'python', limits: { memory: '512m', cpus: undefined }, signal })
  try {
    const result = await sandbox.exec(['python3', '-c', 'print(6 * 7)'], { timeoutMs: undefined, signal })
    const text: string = result.stdout
    const code: number | null = result.exitCode
    // @ts-expect-error a misspelt option is an error
    await sandbox.exec('true', { timeoutMS: 1 })
    return text === '42' && code === 0 ? result : await sandbox.runCode('print(1)', { language: 'python' })
  } finally {
    await manager.close()
  }
}
`;
