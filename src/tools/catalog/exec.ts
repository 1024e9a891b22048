import { z } from 'zod';
import { bashLine } from '../../command/lines.js';
import { commandOutput } from '../command-report.js';
import { defineTool } from '../define.js';
import { foregroundFields, runForeground } from '../foreground.js';

export const exec = defineTool({
  name: 'exec',
  title: 'Run a command',
  description:
    'Run a shell command in the sandbox to its end and get its output and exit code. It runs as an unprivileged user in ' +
    '/workspace; only /workspace, HOME and /tmp can be written. Its background processes are killed when it ends. ' +
    'For servers and very long commands use spawn. Long output is cut in the middle and can be read with read_output.',
  input: z.strictObject({
    command: z
      .string()
      .min(1)
      .describe('A command line for bash (/bin/sh if the image does not have bash), e.g. "ls -la && grep -rn TODO ."'),
    ...foregroundFields,
  }),
  output: commandOutput,
  readOnly: false,
  destructive: true,
  run: (input, context) =>
    runForeground(input, context, (sandbox, options) => sandbox.exec(bashLine(input.command), options)),
});
