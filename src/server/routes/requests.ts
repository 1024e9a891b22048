/** Route that aborts a running request of the caller. */
import { RipcordError } from '../../base/errors.js';
import { errorSchema } from '../../wire/errors.js';
import { abortAnswerSchema, requestParams } from '../../wire/fields.js';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';

export function addRequests(app: App, { calls }: ServerContext): void {
  app.post(
    '/v1/requests/:id/abort',
    {
      schema: {
        tags: ['server'],
        summary: 'Abort the request that was sent with `Ripcord-Request: <id>`; its own answer has the outcome',
        params: requestParams,
        response: { 202: abortAnswerSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!calls.abort(callerOf(request), id)) {
        throw new RipcordError('not-found', `There is no running request ${id}`);
      }
      return reply.code(202).send({ status: 'abort_requested' as const });
    },
  );
}
