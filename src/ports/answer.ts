import type { ClientRequest, IncomingMessage } from 'node:http';
import { RipcordError } from '../base/errors.js';

/** Maximum number of informational responses. Servers send one or two. */
const MAX_INFORMATIONAL = 16;

/** Aborts a request whose server sends informational responses (100, 103 …) without end. */
export function boundInformational(request: ClientRequest, refuse: (error: Error) => void = () => {}): void {
  let count = 0;
  request.on('information', () => {
    count += 1;
    if (count !== MAX_INFORMATIONAL + 1) return;
    const error = new RipcordError(
      'port-refused',
      `The server sent more than ${MAX_INFORMATIONAL} informational responses`,
    );
    // Call `refuse` first: the bytes already read may contain the response.
    refuse(error);
    request.destroy(error);
  });
}

/**
 * Resolves to the response head of a request without a protocol upgrade.
 * @throws the errors of Node's HTTP client; RipcordError `port-refused` if the connection closes without a response or
 * an error, as Node does after an unrequested protocol switch, and after too many informational responses
 */
export function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    boundInformational(request, reject);
    request.once('response', resolve);
    // Keep this listener: after the response starts, the request may emit errors again that the body already reports.
    request.on('error', reject);
    request.once('close', () => reject(new RipcordError('port-refused', 'The server did not respond to the request')));
  });
}
