/** The caller of a request, and the signal that fires when the client disconnects or aborts the request. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RipcordError } from '../base/errors.js';
import type { Principal } from '../http/auth.js';
import { onRequestEnd } from './request-end.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Caller of the request. Undefined on routes that need no token. */
    principal: Principal | undefined;
  }
}

/** Header with an id, by which the client can abort the request and still get its answer: `POST /v1/requests/:id/abort`. */
const REQUEST_HEADER = 'ripcord-request';
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

export function callerOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new RipcordError('unauthorized', 'This route needs a token');
  return request.principal;
}

/** Requests that can be aborted. */
export class Calls {
  readonly #named = new Map<string, AbortController>();

  /** Returns a signal that fires when the client disconnects before the answer is sent, or aborts the request by its id. */
  signalOf(request: FastifyRequest, reply: FastifyReply): AbortSignal {
    const controller = new AbortController();
    const id = request.headers[REQUEST_HEADER];
    const key = typeof id === 'string' && REQUEST_ID.test(id) ? keyOf(callerOf(request), id) : undefined;
    if (key !== undefined) {
      if (this.#named.has(key)) throw new RipcordError('conflict', 'A request with this id is already running');
      this.#named.set(key, controller);
    }
    onRequestEnd(request, reply, () => {
      if (key !== undefined) this.#named.delete(key);
      if (!reply.raw.writableFinished) controller.abort(new Error('the client went away'));
    });
    return controller.signal;
  }

  /** Aborts a request by its id. Returns false if none has it. */
  abort(principal: Principal, id: string): boolean {
    const controller = this.#named.get(keyOf(principal, id));
    controller?.abort(new Error('the client aborted the request'));
    return controller !== undefined;
  }
}

const keyOf = (principal: Principal, id: string): string => `${principal.name} ${id}`;
