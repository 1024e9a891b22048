/** Reads server-sent events with fetch, because an EventSource cannot send a token. */

interface ServerEvent {
  id: string | undefined;
  event: string;
  data: string;
}

/** Yields events until the end of the body. Ignores an event that is cut off there. */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffered = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      buffered += decoder.decode(value, { stream: true });
      const records = buffered.split(/\r?\n\r?\n/);
      buffered = records.pop()!;
      for (const record of records) {
        const event = parse(record);
        if (event) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function parse(record: string): ServerEvent | undefined {
  const data: string[] = [];
  let id: string | undefined;
  let event = 'message';
  for (const line of record.split(/\r?\n/)) {
    const match = /^(id|event|data): ?(.*)$/s.exec(line);
    if (match?.[1] === 'id') id = match[2];
    else if (match?.[1] === 'event') event = match[2]!;
    else if (match?.[1] === 'data') data.push(match[2]!);
  }
  return data.length > 0 ? { id, event, data: data.join('\n') } : undefined;
}
