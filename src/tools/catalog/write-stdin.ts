import { z } from 'zod';
import { RipcordError } from '../../base/errors.js';
import { findCommand } from '../background-command.js';
import { defineTool } from '../define.js';

export const writeStdin = defineTool({
  name: 'write_stdin',
  title: 'Type into a running command',
  description:
    'Send text to the standard input of a command started with spawn, then read its answer with read_output. End a line ' +
    'with \\n: most programs wait for it.',
  input: z.strictObject({
    command_id: z.string(),
    text: z.string().default(''),
    end: z.boolean().optional().describe('Close its input afterwards (end of file).'),
  }),
  output: z.strictObject({ bytes: z.number().int(), running: z.boolean() }),
  readOnly: false,
  destructive: false,
  run: async ({ command_id, text, end }, { session }) => {
    const command = findCommand(session.commands, command_id);
    const { stdin } = command.handle;
    if (!command.running || !stdin?.writable) {
      throw new RipcordError('command-failed', `${command_id} does not read any input any more`);
    }
    const bytes = Buffer.from(text);
    await new Promise<void>((resolve, reject) => {
      stdin.write(bytes, (error) => {
        if (error) reject(new RipcordError('command-failed', error.message));
        else resolve();
      });
    });
    if (end) stdin.end();
    return { value: { bytes: bytes.length, running: command.running }, text: `${bytes.length} bytes sent` };
  },
});
