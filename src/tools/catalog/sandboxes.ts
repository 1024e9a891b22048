/** The tools that make, show and end sandboxes. */
import { z } from 'zod';
import { isClean } from '../../cleanup/receipt.js';
import { defineTool } from '../define.js';
import { sandboxField } from '../foreground.js';

export const startSandbox = defineTool({
  name: 'start_sandbox',
  title: 'Start a sandbox',
  description:
    'Start another sandbox: a fresh, empty machine of its own, for a different image or to try something apart. Not ' +
    'needed before run_code and the like, which use a default sandbox. Give its sandbox_id to the other tools.',
  input: z.strictObject({
    image: z.string().optional().describe('Image of the sandbox. Default: the first that the operator allows.'),
    lifetime_seconds: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe('Lifetime after which the sandbox ends by itself; never longer than the default.'),
  }),
  output: z.strictObject({ sandbox_id: z.string(), image: z.string() }),
  readOnly: false,
  destructive: false,
  needs: 'many-sandboxes',
  run: async ({ image, lifetime_seconds: lifetime }, { session, signal }) => {
    const lifetimeMs = lifetime === undefined ? undefined : lifetime * 1000;
    const sandbox = await session.start({ image, lifetimeMs }, signal);
    return {
      value: { sandbox_id: sandbox.id, image: sandbox.image },
      text: `Sandbox ${sandbox.id} (${sandbox.image}) is ready`,
    };
  },
});

export const stopSandbox = defineTool({
  name: 'stop_sandbox',
  title: 'Stop a sandbox',
  description:
    'End a sandbox and all processes in it. Its files are deleted for good. Without an id: the default sandbox.',
  input: z.strictObject({ sandbox_id: sandboxField }),
  output: z.strictObject({
    sandbox_id: z.string(),
    removed: z.boolean().describe('true if the engine confirmed that nothing is left'),
    commands_killed: z.number().int(),
    errors: z.array(z.string()),
  }),
  readOnly: false,
  destructive: true,
  needs: 'many-sandboxes',
  run: async ({ sandbox_id: id }, { session }) => {
    const receipt = await session.stop(id);
    const removed = isClean(receipt);
    return {
      value: {
        sandbox_id: receipt.sandbox,
        removed,
        commands_killed: receipt.commandsKilled,
        errors: receipt.errors,
      },
      text: `Sandbox ${receipt.sandbox} is ${removed ? 'gone' : `not wholly removed: ${receipt.errors.join('; ')}`}`,
    };
  },
});

export const listSandboxes = defineTool({
  name: 'list_sandboxes',
  title: 'List sandboxes and their commands',
  description:
    'List the sandboxes of this session with their memory and processes, and the commands started with spawn.',
  input: z.strictObject({}),
  output: z.strictObject({
    sandboxes: z.array(
      z.strictObject({
        sandbox_id: z.string(),
        image: z.string(),
        default: z.boolean(),
        age_seconds: z.number().int(),
        memory_bytes: z.number().nullable(),
        processes: z.number().int().nullable(),
      }),
    ),
    commands: z.array(
      z.strictObject({
        command_id: z.string(),
        sandbox_id: z.string(),
        command: z.string(),
        running: z.boolean(),
      }),
    ),
    images: z.array(z.string()).describe('images that start_sandbox accepts'),
  }),
  readOnly: true,
  destructive: false,
  run: async (_input, { session }) => {
    const sandboxes = await Promise.all(
      session.list().map(async (sandbox) => {
        // The sandbox may end at this moment.
        const stats = await sandbox.stats().catch(() => undefined);
        return {
          sandbox_id: sandbox.id,
          image: sandbox.image,
          default: session.isDefault(sandbox),
          age_seconds: Math.round((Date.now() - sandbox.createdAt.getTime()) / 1000),
          memory_bytes: stats?.memoryBytes ?? null,
          processes: stats?.pids ?? null,
        };
      }),
    );
    const commands = [...session.commands.values()].map(({ id, sandbox, line, running }) => ({
      command_id: id,
      sandbox_id: sandbox.id,
      command: line,
      running,
    }));
    const lines = [
      ...sandboxes.map((s) => `${s.sandbox_id} ${s.image}${s.default ? ' (default)' : ''}, ${s.age_seconds} s old`),
      ...commands.map((c) => `${c.command_id} in ${c.sandbox_id}, ${c.running ? 'running' : 'ended'}: ${c.command}`),
    ];
    const images = session.options.manager ? session.options.images : [];
    return { value: { sandboxes, commands, images }, text: lines.join('\n') || 'none' };
  },
});
