/** One TCP connection to a port inside the sandbox, over its pipe. The sandbox needs no network for it. */
import type { Duplex } from 'node:stream';
import { FileError, RipcordError } from '../base/errors.js';
import { Command, type CommandHost } from '../command/command.js';
import { PipeConnection } from '../command/pipe-connection.js';
import { CommandStreams } from '../command/streams.js';
import { checkOperation, keepFailure, operationRequest } from '../files/operation.js';

/** Size of the agent's confirmation, which precedes the connection's own bytes. */
const CONNECTED_BYTES = 1;

interface ConnectOptions {
  user: string;
  signal: AbortSignal | undefined;
}

/**
 * Connects to a port.
 * @throws RipcordError `port-refused` if no program listens there; TaskAbortedError; SandboxLostError
 */
export async function connectToPort(host: CommandHost, port: number, options: ConnectOptions): Promise<Duplex> {
  const argv = ['connect', String(port)];
  const streams = new CommandStreams(true);
  const request = operationRequest(argv, { user: options.user, signal: options.signal, timeoutMs: 0, stdin: true });
  const command = new Command(host, request, streams, options.signal);
  streams.connect(command.stream);
  const failure = keepFailure(streams.stderr);
  // Failures are reported below. A connection that ends later ends its streams.
  command.result.catch(() => {});
  if (!(await isConnected(streams))) {
    checkRefused(port, argv, await command.result, Buffer.concat(failure));
    throw new RipcordError('port-refused', `The connection to port ${port} in the sandbox ended at once`);
  }
  const connection = new PipeConnection(streams, () => command.kill(0, true));
  command.result.catch((error: Error) => connection.destroy(error));
  return connection;
}

function isConnected({ stdout }: CommandStreams): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (connected: boolean) => {
      stdout.off('readable', look).off('end', look).off('close', look);
      resolve(connected);
    };
    const look = () => {
      if (stdout.read(CONNECTED_BYTES) !== null) settle(true);
      else if (stdout.readableEnded || stdout.destroyed) settle(false);
    };
    stdout.on('readable', look).on('end', look).on('close', look);
  });
}

function checkRefused(port: number, argv: string[], result: Parameters<typeof checkOperation>[1], failure: Buffer) {
  try {
    checkOperation(argv, result, failure);
  } catch (error) {
    if (!(error instanceof FileError) || error.errno !== 'ECONNREFUSED') throw error;
    throw new RipcordError('port-refused', `Nothing listens on port ${port} in the sandbox`, {
      cause: error,
      hint: 'It must listen on 127.0.0.1, ::1 or all addresses; ports.waitFor() waits until it does.',
      details: { port },
    });
  }
}
