/** Route for events of sandboxes, commands and tasks, for a UI. */

import { afterQuery } from '../../wire/fields.js';
import type { App, ServerContext } from '../context.js';
import { eventsSession } from '../ws/events-session.js';

export function addEvents(app: App, context: ServerContext): void {
  app.get('/v1/events', { websocket: true, schema: { querystring: afterQuery } }, (socket, request) =>
    eventsSession(socket, request, context),
  );
}
