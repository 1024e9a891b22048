/** The engine reports builds, pulls and imports as lines of JSON; this turns them into plain lines and errors. */

import { messageOf } from '../../../base/errors.js';
import { stripControlSequences } from '../../../base/harmless-text.js';

/** One message of the engine. */
interface ProgressEvent {
  lines: string[];
  /** A build says the id of what it made. */
  imageId: string | undefined;
}

interface EngineMessage {
  stream?: string;
  status?: string;
  id?: string;
  progress?: string;
  error?: string;
  aux?: { ID?: string };
}

// Far above any line a build prints; a stream without newlines must not grow the process.
const MAX_LINE_CHARS = 1024 ** 2;

/**
 * Reads a progress stream to its end.
 * @throws Error with the engine's own words when a message reports a failure, or when `signal` fires
 */
export async function* readProgress(stream: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<ProgressEvent> {
  const decoder = new TextDecoder();
  const destroy = () => (stream as { destroy?: (error: unknown) => void }).destroy?.(signal.reason);
  signal.addEventListener('abort', destroy, { once: true });
  let rest = '';
  try {
    signal.throwIfAborted();
    for await (const chunk of stream) {
      rest += decoder.decode(chunk as Buffer, { stream: true });
      const complete = rest.split('\n');
      rest = complete.pop()!;
      if (rest.length > MAX_LINE_CHARS) throw new Error('the engine sent a progress line without an end');
      for (const line of complete) if (line.trim()) yield parse(line);
    }
    if (rest.trim()) yield parse(rest);
  } catch (error) {
    // A destroyed stream reports "aborted"; the reason says more.
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

function parse(text: string): ProgressEvent {
  let message: EngineMessage;
  try {
    message = JSON.parse(text) as EngineMessage;
  } catch (error) {
    throw new Error(`the engine sent unreadable progress: ${messageOf(error)}`);
  }
  if (message.error !== undefined) throw new Error(message.error);
  const said = message.stream ?? [message.id, message.status, message.progress].filter(Boolean).join(' ');
  const lines = stripControlSequences(said)
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '');
  return { lines, imageId: message.aux?.ID };
}
