/** Time that MCP over stdio adds to a command: the tool `exec`, with the official client, against `sandbox.exec`. */
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { createToolbox } from 'ripcord-sandbox/tools';
import { inTurns, summary } from '../measure.mjs';

export const title = 'exec through MCP and through the tools: true';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export async function run({ context, report, quick }) {
  const manager = await context.openManager();
  const sandbox = await manager.create({ image: 'python' });
  const toolbox = createToolbox({ sandbox });
  const client = new Client({ name: 'bench', version: '1' });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [MAIN, 'mcp'], env: process.env }));
  try {
    const times = await inTurns(
      {
        library: () => sandbox.exec(['/bin/sh', '-c', 'true']),
        toolbox: () => toolbox.call('exec', { command: 'true' }),
        mcp: () => client.callTool({ name: 'exec', arguments: { command: 'true' } }),
      },
      { rounds: quick ? 50 : 300, warmup: 5 },
    );
    report.samples(times);
    const p50 = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, summary(values).p50]));
    return [report.check('MCP adds, p50', p50.mcp - p50.library, '<=', 10, ' ms')];
  } finally {
    await client.close();
    await toolbox.close();
    await sandbox.close();
  }
}
