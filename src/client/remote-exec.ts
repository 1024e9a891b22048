/** Runs a command on a server to its end and passes on its output in pieces. */

import { chunkOf } from '../base/content.js';
import type { StdinSource } from '../command/options.js';
import type { ExecResult } from '../command/outcome.js';
import type { WireResult } from '../wire/commands.js';
import type { ChannelName } from '../wire/fields.js';
import { decodeResult } from '../wire/result.js';
import { CommandSocket } from './command-socket.js';
import type { Transport } from './transport.js';

type Callback = (chunk: never) => unknown;

export interface StreamedExec {
  signal: AbortSignal | undefined;
  stdin: StdinSource | undefined;
  encoding: 'utf8' | 'buffer';
  onStdout: Callback | undefined;
  onStderr: Callback | undefined;
}

export async function streamExec(
  transport: Transport,
  path: string,
  begin: object,
  { signal, stdin, encoding, onStdout, onStderr }: StreamedExec,
): Promise<ExecResult<never>> {
  const text = encoding === 'utf8';
  const callbacks = { stdout: onStdout, stderr: onStderr };
  const decoders = {
    stdout: new TextDecoder('utf-8', { ignoreBOM: true }),
    stderr: new TextDecoder('utf-8', { ignoreBOM: true }),
  };
  let queue: Promise<unknown> = Promise.resolve();
  let failure: { error: unknown } | undefined;
  const call = async (channel: ChannelName, bytes: Buffer | undefined) => {
    const value = text
      ? decoders[channel].decode(bytes, { stream: bytes !== undefined })
      : bytes && new Uint8Array(bytes);
    try {
      if (!failure && value && value.length > 0)
        await (callbacks[channel] as ((chunk: unknown) => unknown) | undefined)?.(value);
    } catch (error) {
      failure = { error };
      socket.abort();
    }
    if (bytes) socket.acknowledge(channel, bytes.length);
  };
  const socket = new CommandSocket<WireResult>(
    transport,
    path,
    { ...begin, encoding, stdin: stdin !== undefined },
    {
      signal,
      text,
      what: 'running a command',
      output: (channel, bytes) => {
        queue = queue.then(() => call(channel, bytes));
      },
    },
  );
  const feeding = stdin === undefined ? undefined : feed(socket, stdin);
  feeding?.catch((error) => {
    failure ??= { error };
    socket.abort();
  });
  try {
    const wire = await socket.result;
    await queue;
    if (text) await Promise.all([call('stdout', undefined), call('stderr', undefined)]);
    if (failure) throw failure.error;
    return decodeResult(wire, text);
  } catch (error) {
    throw failure ? failure.error : error;
  }
}

async function feed(socket: CommandSocket<WireResult>, source: StdinSource): Promise<void> {
  const chunks = typeof source === 'string' || source instanceof Uint8Array ? [source] : source;
  for await (const chunk of chunks) {
    if (!(await socket.write(chunkOf(chunk, 'stdin')))) return;
  }
  await socket.endInput();
}
