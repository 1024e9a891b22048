/** Results of commands as they travel between client and server: output as base64, so that every byte arrives. */
import type { ExecResult } from '../command/outcome.js';
import type { WireResult } from './commands.js';

export function encodeResult(result: ExecResult<string | Uint8Array>): WireResult {
  return { ...result, encoding: 'base64', stdout: toBase64(result.stdout), stderr: toBase64(result.stderr) };
}

/** The result as the library has it. */
export function decodeResult(wire: WireResult, text: boolean): ExecResult<never> {
  const { encoding, ...result } = wire;
  const decode = (data: string): unknown => {
    if (encoding !== 'base64') return data;
    const bytes = Buffer.from(data, 'base64');
    return text ? bytes.toString('utf8') : new Uint8Array(bytes);
  };
  return { ...result, stdout: decode(wire.stdout), stderr: decode(wire.stderr) } as ExecResult<never>;
}

const toBase64 = (output: string | Uint8Array): string => Buffer.from(output as Uint8Array).toString('base64');
