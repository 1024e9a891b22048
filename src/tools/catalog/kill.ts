import { z } from 'zod';
import { findCommand } from '../background-command.js';
import { describeEnd, outcomeFields } from '../command-report.js';
import { defineTool } from '../define.js';

export const kill = defineTool({
  name: 'kill',
  title: 'End a running command',
  description:
    'End a command started with spawn together with every process it started, or send it a signal. Without a signal it ' +
    'is dead when this returns.',
  input: z.strictObject({
    command_id: z.string(),
    signal: z
      .string()
      .optional()
      .describe('Only send this signal to its processes, e.g. "SIGINT", and do not wait. Default: end it.'),
  }),
  output: z.strictObject({
    command_id: z.string(),
    running: z.boolean(),
    ...Object.fromEntries(Object.entries(outcomeFields).map(([name, schema]) => [name, schema.optional()])),
  }),
  readOnly: false,
  destructive: true,
  run: async ({ command_id, signal: name }, { session }) => {
    const command = findCommand(session.commands, command_id);
    if (command.running) await command.handle.kill(name);
    const { result, running } = command;
    return {
      value: {
        command_id,
        running,
        ...(result && { outcome: result.outcome, exit_code: result.exitCode, signal: result.signal }),
      },
      text: running ? `${name} sent` : result ? `${command_id} has ended: ${describeEnd(result)}` : 'it has ended',
    };
  },
});
