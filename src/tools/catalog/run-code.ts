import { z } from 'zod';
import { runCodeSchema } from '../../command/options.js';
import { commandOutput } from '../command-report.js';
import { defineTool } from '../define.js';
import { foregroundFields, runForeground } from '../foreground.js';

export const runCode = defineTool({
  name: 'run_code',
  title: 'Run code',
  description:
    'Run a program given as text in an isolated sandbox and get its output. The sandbox is made on first use and kept: ' +
    'files in /workspace are there in later calls, variables are not (each call is a new process). Write files to the ' +
    'working directory, by relative paths: nothing can be written beside the program itself (__file__, __dirname). To show ' +
    'a picture, save it as a PNG or JPEG file there: new pictures come back as images. An exit code that is not ' +
    '0 is a result, not an error: read stderr. There is no network unless the operator allowed hosts.',
  input: z.strictObject({
    code: z.string().min(1).describe('The whole program.'),
    language: runCodeSchema.shape.language.describe(
      'Language of the code. Default: python; javascript in a sandbox of the image node, bash in one of the image shell.',
    ),
    args: z.array(z.string()).optional().describe('Command-line arguments of the program.'),
    ...foregroundFields,
  }),
  output: commandOutput,
  readOnly: false,
  destructive: true,
  run: (input, context) =>
    runForeground(
      input,
      context,
      (sandbox, options) => sandbox.runCode(input.code, { ...options, language: input.language, args: input.args }),
      input.language,
    ),
});
