/** The spans that a program with an OpenTelemetry SDK gets, by a real one. */
import { type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { IterationExecutor } from 'ripcord-sandbox';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { Output, rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
afterAll(() => provider.shutdown());
beforeEach(() => exporter.reset());

const under = useManager({ defaults: { image: 'base' } });
const sandbox = useSandbox(under);

/** Runs `work` in a span of the embedder's. */
function within<T>(name: string, work: (span: Span) => Promise<T>): Promise<T> {
  return trace.getTracer('embedder').startActiveSpan(name, (span) => work(span).finally(() => span.end()));
}

const named = (name: string): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.name === name);
const only = (name: string): ReadableSpan => {
  const spans = named(name);
  expect(spans, name).toHaveLength(1);
  return spans[0]!;
};
const parentOf = (span: ReadableSpan) => span.parentSpanContext?.spanId;
const idOf = (span: Span | ReadableSpan) => span.spanContext().spanId;

describe('parents', () => {
  it('are the embedder’s spans, for create, exec and close', async () => {
    const [id, caller] = await within('work', async (span) => {
      const made = await under.manager.create();
      await made.exec('exit 3');
      await made.close();
      // A second time is the first.
      await made.close();
      return [made.id, idOf(span)];
    });
    const spans = exporter.getFinishedSpans().filter(({ name }) => name.startsWith('ripcord.'));
    expect(spans.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['ripcord.create', { 'ripcord.image': 'base', 'ripcord.sandbox': id }],
      ['ripcord.exec', { 'ripcord.sandbox': id, 'ripcord.program': '/bin/sh', 'ripcord.outcome': 'exited' }],
      ['ripcord.close', { 'ripcord.sandbox': id, 'ripcord.clean': true }],
    ]);
    expect(spans.map(parentOf)).toEqual([caller, caller, caller]);
    expect(spans.map(({ status }) => status.code)).toEqual(Array(3).fill(SpanStatusCode.UNSET));
  });

  it('are each caller’s own, of commands side by side on one pipe', async () => {
    const names = ['/bin/echo', '/bin/true', '/bin/cat'];
    const callers = await Promise.all(
      names.map((program) =>
        within(program, async (span) => {
          await sandbox().exec([program]);
          return idOf(span);
        }),
      ),
    );
    const parents = Object.fromEntries(
      named('ripcord.exec').map((span) => [span.attributes['ripcord.program'], parentOf(span)]),
    );
    expect(parents).toEqual(Object.fromEntries(names.map((name, index) => [name, callers[index]])));
  });

  it('are the command’s span for what a callback begins', async () => {
    await within('work', () => sandbox().exec('echo out', { onStdout: () => within('seen', async () => {}) }));
    expect(parentOf(only('seen'))).toBe(idOf(only('ripcord.exec')));
  });

  it('are the task’s span for what its branches do', async () => {
    const executor = new IterationExecutor(under.manager, {
      branches: 2,
      propose: ({ sandbox }) => sandbox.exec('true'),
      verify: ({ branch }) => ({ passed: branch === 1 }),
    });
    const caller = await within('work', async (span) => {
      expect((await executor.run('anything', { id: 'traced' })).status).toBe('accepted');
      return idOf(span);
    });
    const task = only('ripcord.task');
    expect(parentOf(task)).toBe(caller);
    expect(task.attributes).toMatchObject({ 'ripcord.task': 'traced', 'ripcord.status': 'accepted' });
    for (const name of ['ripcord.create', 'ripcord.exec', 'ripcord.close']) {
      expect(new Set(named(name).map(parentOf)), name).toEqual(new Set([idOf(task)]));
    }
  });
});

describe('statuses', () => {
  it('are errors for an abort and for what fails, not for what a command did', async () => {
    const stop = new AbortController();
    const output = new Output();
    const running = rejection(
      sandbox().exec('echo begun; exec sleep 60', { signal: stop.signal, onStdout: output.take }),
    );
    await output.seen('begun');
    stop.abort(new Error('enough'));
    await running;
    const aborted = only('ripcord.exec');
    expect(aborted.status.code).toBe(SpanStatusCode.ERROR);
    expect(aborted.attributes).toMatchObject({ 'ripcord.error': 'aborted' });

    await rejection(under.manager.create({ image: 'ripcord.invalid/none' }));
    const failed = only('ripcord.create');
    expect(failed.status).toMatchObject({ code: SpanStatusCode.ERROR, message: expect.stringContaining('none') });
    expect(failed.attributes).toMatchObject({ 'ripcord.error': 'image-not-found' });

    exporter.reset();
    await sandbox().exec('exec sleep 60', { timeoutMs: 50 });
    const timedOut = only('ripcord.exec');
    expect(timedOut.status.code).toBe(SpanStatusCode.UNSET);
    expect(timedOut.attributes).toMatchObject({ 'ripcord.outcome': 'timeout' });
  });
});

it('no span holds the environment, arguments, input or output', async () => {
  await using made = await under.manager.create({ env: { KEY: 'secret-of-sandbox' } });
  const stop = new AbortController();
  const options = { env: { TOKEN: 'secret-of-command' }, stdin: 'secret-of-stdin\n', signal: stop.signal };
  const { stdout } = await made.exec('echo $KEY $TOKEN secret-of-line; cat', options);
  expect(stdout).toBe('secret-of-sandbox secret-of-command secret-of-line\nsecret-of-stdin\n');
  await made.exec(['/bin/echo', 'secret-of-argument'], options);
  await made.exec(['/bin/none', 'secret-of-argument'], options);
  await rejection(
    made.exec('echo $TOKEN; cat; exec sleep 60', {
      ...options,
      onStdout: () => stop.abort(new Error('secret-of-reason')),
    }),
  );
  await made.close();
  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ name }) => name)).toEqual(['ripcord.create', ...Array(4).fill('ripcord.exec'), 'ripcord.close']);
  const told = spans.map(({ name, attributes, events, status, links }) => ({
    name,
    attributes,
    events,
    status,
    links,
  }));
  expect(JSON.stringify(told)).not.toContain('secret');
});
