/**
 * Spans for whoever has an OpenTelemetry SDK in the process; without one the calls do nothing.
 *
 * The range of `@opentelemetry/api` is wide, so that the SDK's copy is ours too: a newer one of our own would not see an
 * SDK that registered with an older one, and SDKs of line 2 refuse 1.10.
 */
import { type Attributes, SpanStatusCode, trace } from '@opentelemetry/api';
import { messageOf, RipcordError } from './errors.js';

const tracer = trace.getTracer('ripcord');

/**
 * Runs `work` in a span. What it throws is recorded, and thrown on.
 * @param describe Attributes that are only known from the result.
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
