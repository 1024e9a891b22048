/** What happens, for a UI: sandboxes come and go, commands run, tasks go on. */
import type { App, ServerContext } from '../context.js';
import { afterQuery } from '../schemas.js';
import { eventsSession } from '../ws/events-session.js';

export function addEvents(app: App, context: ServerContext): void {
  app.get('/v1/events', { websocket: true, schema: { querystring: afterQuery } }, (socket, request) =>
    eventsSession(socket, request, context),
  );
}
