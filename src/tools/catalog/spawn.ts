import { z } from 'zod';
import { bashLine } from '../../command/lines.js';
import { sandboxPath } from '../../sandbox/home-path.js';
import { defineTool } from '../define.js';
import { placeFields, sandboxField } from '../foreground.js';

export const spawn = defineTool({
  name: 'spawn',
  title: 'Start a command in the background',
  description:
    'Start a shell command that runs on in the background — a server, a watcher, a long build — and return at once with ' +
    'its command_id. Follow it with read_output, type into it with write_stdin, end it with kill, reach a server in it ' +
    'with fetch_port. It ends with its sandbox at the latest.',
  input: z.strictObject({
    command: z
      .string()
      .min(1)
      .describe(
        'A command line for bash (/bin/sh if the image does not have bash), e.g. "python3 -m http.server 8000"',
      ),
    ...placeFields,
    terminal: z
      .boolean()
      .optional()
      .describe('Run it on a terminal, for programs that ask questions only there. All output is then in stdout.'),
    sandbox_id: sandboxField,
  }),
  output: z.strictObject({
    command_id: z.string(),
    sandbox_id: z.string(),
    pid: z.number().int().nullable().describe('process id inside the sandbox'),
    note: z.string().optional(),
  }),
  readOnly: false,
  destructive: true,
  run: (input, { session, signal }) =>
    session.use({ id: input.sandbox_id, signal }, async (sandbox) => {
      const { command: line, env, terminal } = input;
      const cwd = input.cwd && sandboxPath(sandbox, input.cwd);
      // The call's signal is not passed on, because the command lives on after the call.
      const command = await session.background(sandbox, line, () =>
        sandbox.spawn(bashLine(line), { cwd, env, pty: terminal }),
      );
      const note = session.takeNotice();
      return {
        value: {
          command_id: command.id,
          sandbox_id: sandbox.id,
          pid: command.handle.pid ?? null,
          ...(note && { note }),
        },
        text: [`Started as ${command.id}. read_output {"id":"${command.id}"} shows what it prints.`, note]
          .filter(Boolean)
          .join('\n'),
      };
    }),
});
