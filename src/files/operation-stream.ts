/** Streams the output of a file operation. Memory is bounded by the stream's window, whatever the size. */
import { Readable } from 'node:stream';
import { Command, type CommandHost } from '../command/command.js';
import { CommandStreams } from '../command/streams.js';
import { checkOperation, keepFailure, type OperationOptions, operationRequest } from './operation.js';

/** Size of the blocks that are read. */
const BLOCK_BYTES = 256 * 1024;

/**
 * Starts an operation and resolves once its first bytes are there, so that an unreadable file rejects here. A later
 * failure destroys the stream with the error. Destroying the stream ends the operation.
 * @throws FileError, TaskAbortedError, SandboxLostError
 */
export async function streamOperation(
  host: CommandHost,
  argv: readonly string[],
  options: OperationOptions,
): Promise<Readable> {
  const streams = new CommandStreams(false, BLOCK_BYTES);
  const command = new Command(host, operationRequest(argv, options), streams, options.signal);
  streams.connect(command.stream);
  const failure = keepFailure(streams.stderr);
  async function* bytes(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of streams.stdout) yield chunk as Buffer;
      // The end of the data is not enough: only the operation's exit confirms that it is complete.
      checkOperation(argv, await command.result, Buffer.concat(failure));
    } finally {
      command.kill(0, true);
      command.result.catch(() => {});
    }
  }
  const rest = bytes();
  const first = await rest.next();
  async function* all(): AsyncGenerator<Buffer> {
    try {
      if (!first.done) yield first.value;
      yield* rest;
    } finally {
      command.kill(0, true);
      await rest.return(undefined);
    }
  }
  return Readable.from(all(), { objectMode: false, highWaterMark: BLOCK_BYTES });
}
