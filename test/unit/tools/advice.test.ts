/** A toolbox advises only tools that it offers, and ends a command before an MCP client gives up on the call. */
import { DEFAULT_REQUEST_TIMEOUT_MSEC } from '@modelcontextprotocol/sdk/shared/protocol.js';
import { expect, test } from 'vitest';
import type { CommandResult } from '../../../src/command/outcome.js';
import { SandboxManager } from '../../../src/sandbox/sandbox-manager.js';
import { explainOutcome } from '../../../src/tools/command-report.js';
import { createToolbox } from '../../../src/tools/toolbox.js';

/** No call is made: none of these tests needs an engine. */
const manager = Object.create(SandboxManager.prototype) as SandboxManager;

test('a time limit that nobody asked for ends before the call does', () => {
  const { timeoutMs } = createToolbox({ manager }).session.options;
  expect(timeoutMs).toBeLessThan(DEFAULT_REQUEST_TIMEOUT_MSEC - 10_000);
});

test('spawn is advised where it is offered, and nowhere else', () => {
  const offers = (tools?: string[]) =>
    JSON.stringify(createToolbox({ manager, tools }).tools.map((tool) => [tool.description, tool.inputSchema]));
  expect(offers()).toContain('use spawn');
  expect(offers(['run_code', 'exec', 'read_file'])).not.toContain('spawn');
  const ended = { outcome: 'exited', backgroundKilled: 2, durationMs: 1 } as CommandResult;
  expect(explainOutcome(ended, 1000)).toContain('use spawn');
  expect(explainOutcome(ended, 1000, false)).toBe('2 processes it left in the background were killed.');
  expect(explainOutcome({ ...ended, outcome: 'timeout' }, 1000, false)).not.toContain('spawn');
});
