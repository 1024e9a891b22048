import type { ClientRequest, IncomingMessage } from 'node:http';
import { RipcordError } from '../base/errors.js';

/** Servers send one or two. */
const MAX_INFORMATIONAL = 16;

/** Ends a request whose server sends informational answers (100, 103 …) without end. */
export function boundInformational(request: ClientRequest, refuse: (error: Error) => void = () => {}): void {
  let count = 0;
  request.on('information', () => {
    count += 1;
    if (count !== MAX_INFORMATIONAL + 1) return;
    const error = new RipcordError(
      'port-refused',
      `The server sent more than ${MAX_INFORMATIONAL} informational answers`,
    );
    // First: what was read along with them may have the answer.
    refuse(error);
    request.destroy(error);
  });
}

/**
 * The head of the answer to a request that asks for no other protocol.
 * @throws what Node's HTTP client says; RipcordError `port-refused` where it says nothing and closes: a server that
 * switches protocols unasked is hung up on with neither a response nor an error; and for too many informational answers.
 */
export function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    boundInformational(request, reject);
    request.once('response', resolve);
    // Stays: what goes wrong once the answer has begun is told by its body, and the request says it again.
    request.on('error', reject);
    request.once('close', () => reject(new RipcordError('port-refused', 'The server gave no answer to the request')));
  });
}
