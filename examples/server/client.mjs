/**
 * A sandbox behind a server: start one with `ripcord serve` (or `ripcord serve --listen 7077` and set RIPCORD_URL and
 * RIPCORD_TOKEN), then `node examples/server/client.mjs`.
 */
import { RipcordClient, TaskAbortedError } from 'ripcord-sandbox/client';

const client = await RipcordClient.connect();
try {
  const sandbox = await client.create({ image: 'python' });
  const { stdout } = await sandbox.exec(['python3', '-c', 'print(6 * 7)']);
  console.log('answer:', stdout.trim());

  await sandbox.files.write('count.py', 'import time\nfor i in range(1000): print(i, flush=True); time.sleep(0.1)\n');
  const controller = new AbortController();
  let lines = 0;
  const onStdout = () => {
    lines++;
    if (lines === 5) controller.abort(new Error('five lines are enough'));
  };
  try {
    await sandbox.exec(['python3', 'count.py'], { signal: controller.signal, onStdout });
  } catch (error) {
    if (!(error instanceof TaskAbortedError)) throw error;
    console.log('aborted:', error.cause.message, '· confirmed dead:', error.details.confirmed);
  }

  const { container } = await sandbox.close();
  console.log('container gone:', container.verifiedAbsent);
} finally {
  await client.close();
}
