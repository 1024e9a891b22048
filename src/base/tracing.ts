/**
 * Emits OpenTelemetry spans. Without an SDK in the process the calls do nothing.
 *
 * The version range of `@opentelemetry/api` is wide, so that this module shares the SDK's copy. A newer copy would not
 * see an SDK that registered with an older one, and SDKs of version 2 refuse 1.10.
 */
import { type Attributes, SpanStatusCode, trace } from '@opentelemetry/api';
import { messageOf, RipcordError } from './errors.js';

const tracer = trace.getTracer('ripcord');

/**
 * Runs `work` in a span. An error is recorded and rethrown.
 * @param describe Returns attributes that are known only from the result.
 */
export function traced<T>(
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
  describe: (value: T) => Attributes = () => ({}),
): Promise<T> {
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      const value = await work();
      span.setAttributes(describe(value));
      return value;
    } catch (error) {
      if (error instanceof RipcordError) span.setAttribute('ripcord.error', error.code);
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}
