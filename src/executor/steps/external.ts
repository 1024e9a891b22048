/** `context.external()`: calls from a step to an outside service, such as a model, a search or a database. */
import pRetry, { AbortError } from 'p-retry';
import { abortable } from '../../base/abort.js';
import { messageOf, TaskAbortedError } from '../../base/errors.js';
import type { RunEventBody } from '../events.js';
import { recordError } from '../executor-error.js';
import type { External } from '../types.js';
import type { Scope } from './scope.js';

type ExternalEvent = Extract<RunEventBody, { type: 'external' }>;

export function makeExternal(
  scope: Scope,
  at: { iteration: number; branch?: number },
  emit: (event: ExternalEvent) => void,
): External {
  return async (name, fn, options = {}) => {
    scope.check(`calling ${name}`);
    const startedAt = performance.now();
    let attempts = 0;
    const attempt = async () => {
      scope.check(`calling ${name}`);
      attempts++;
      try {
        return await fn(scope.signal, attempts);
      } catch (error) {
        const thrown = asError(error);
        throw thrown instanceof TaskAbortedError || scope.aborted ? new AbortError(thrown) : thrown;
      }
    };
    const record = (error?: unknown) =>
      emit({
        type: 'external',
        ...at,
        name,
        attempts,
        durationMs: performance.now() - startedAt,
        ...(error === undefined ? {} : { error: recordError(error) }),
      });
    try {
      const value = await abortable(
        pRetry(attempt, {
          retries: options.retries ?? 0,
          minTimeout: options.minDelayMs ?? 500,
          maxTimeout: options.maxDelayMs ?? 30_000,
          signal: scope.signal,
          shouldRetry: ({ error }) => options.shouldRetry?.(error) ?? true,
        }),
        scope.signal,
        `calling ${name}`,
      );
      record();
      return value;
    } catch (error) {
      const explained = scope.explain(error, `calling ${name}`);
      record(explained);
      throw explained;
    }
  };
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(messageOf(error), { cause: error });
