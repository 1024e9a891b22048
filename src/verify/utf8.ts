/** Decodes UTF-8 of any length, with turns of the event loop between. */
import { WorkMeter } from '../base/work-meter.js';

const PART = 256 * 1024;

export async function textOf(bytes: Uint8Array, meter = new WorkMeter(), signal?: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += PART) {
    const part = bytes.subarray(at, at + PART);
    parts.push(decoder.decode(part, { stream: true }));
    if (meter.spend(part.length)) await meter.rest(signal);
  }
  return parts.join('') + decoder.decode();
}
