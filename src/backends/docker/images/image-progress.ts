/** Converts the engine's progress of builds, pulls and imports, which is lines of JSON, into plain lines and errors. */

import { messageOf } from '../../../base/errors.js';
import { stripControlSequences } from '../../../base/harmless-text.js';

/** One message of the engine. */
interface ProgressEvent {
  lines: string[];
  /** Id of the image, in the last messages of a build. */
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

// Maximum length of a line, far above any line of a build: a stream without newlines must not fill the memory.
const MAX_LINE_CHARS = 1024 ** 2;

/**
 * Reads a progress stream to its end.
 * @throws Error with the engine's message if a step failed, or the reason of `signal`
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
    // A destroyed stream reports "aborted". The reason of the signal is more useful.
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
