/** A part of the app with parsers and hooks of its own. */
import type { App } from '../context.js';

export function addScope(app: App, add: (scope: App) => unknown): void {
  void app.register((scope, _options, done) => {
    Promise.resolve(add(scope as unknown as App)).then(() => done(), done);
  });
}

/** In this scope bodies are streams of bytes: nothing is parsed, and no limit on their length applies. */
export function takeRawBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
}
