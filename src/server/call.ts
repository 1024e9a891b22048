/** One request: who makes it, and the signal that fires when it is not wanted any more. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RipcordError } from '../base/errors.js';
import type { Principal } from '../http/auth.js';
import { onRequestEnd } from './request-end.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined on routes that are open to everybody. */
    principal: Principal | undefined;
  }
}

/** With it the client can abort the request and still hear what came of it: `POST /v1/requests/:id/abort`. */
const REQUEST_HEADER = 'ripcord-request';
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

export function callerOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new RipcordError('unauthorized', 'This route wants a token');
  return request.principal;
}

/** The requests that can be aborted. */
export class Calls {
  readonly #named = new Map<string, AbortController>();

  /** Fires when the client goes away before its answer, or aborts the request by its id. */
  signalOf(request: FastifyRequest, reply: FastifyReply): AbortSignal {
    const controller = new AbortController();
    const id = request.headers[REQUEST_HEADER];
    const key = typeof id === 'string' && REQUEST_ID.test(id) ? keyOf(callerOf(request), id) : undefined;
    if (key !== undefined) {
      if (this.#named.has(key)) throw new RipcordError('conflict', 'A request of that id is under way');
      this.#named.set(key, controller);
    }
    onRequestEnd(request, reply, () => {
      if (key !== undefined) this.#named.delete(key);
      if (!reply.raw.writableFinished) controller.abort(new Error('the client went away'));
    });
    return controller.signal;
  }

  /** Whether there was such a request. */
  abort(principal: Principal, id: string): boolean {
    const controller = this.#named.get(keyOf(principal, id));
    controller?.abort(new Error('the client aborted the request'));
    return controller !== undefined;
  }
}

const keyOf = (principal: Principal, id: string): string => `${principal.name} ${id}`;
