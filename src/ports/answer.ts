import type { ClientRequest, IncomingMessage } from 'node:http';
import { RipcordError } from '../errors.js';

/**
 * The head of the answer to a request that asks for no other protocol.
 * @throws what Node's HTTP client says; RipcordError `port-refused` where it says nothing and closes: a server that
 * switches protocols unasked is hung up on with neither a response nor an error.
 */
export function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Stays: what goes wrong once the answer has begun is told by its body, and the request says it again.
    request.on('error', reject);
    request.once('close', () => reject(new RipcordError('port-refused', 'The server gave no answer to the request')));
  });
}
