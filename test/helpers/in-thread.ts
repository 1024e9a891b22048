/** Runs a function of a source file in a thread that can be ended: a text that it never gets through fails its test. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';

const PROGRAM = `
const { parentPort, workerData: { code, name, args } } = require('node:worker_threads');
const module_ = { exports: {} };
new Function('module', 'exports', 'require', code)(module_, module_.exports, require);
Promise.resolve(module_.exports[name](...args)).then((result) => parentPort.postMessage(result));
`;

/**
 * @param file Below `src`.
 * @param signal The test's: its time-out ends the thread.
 */
export async function inThread<Result>(
  file: string,
  name: string,
  args: unknown[],
  signal: AbortSignal,
): Promise<Result> {
  const built = buildSync({
    entryPoints: [`src/${file}`],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  const worker = new Worker(PROGRAM, { eval: true, workerData: { code: built.outputFiles[0]!.text, name, args } });
  try {
    const [result] = await once(worker, 'message', { signal });
    return result as Result;
  } finally {
    await worker.terminate();
  }
}
