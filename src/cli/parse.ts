/** Parses the words of a command line into values. The schemas of the library check the values. */
import { InvalidArgumentError } from 'commander';
import { hostPath } from '../sandbox/home-path.js';
import type { PortFlag } from './sandbox/ports.js';

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, '': 1000 };

/** Parses `500ms`, `10s`, `2m` or `1h` into milliseconds. A bare number is seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(text.trim());
  const ms = match ? Math.round(Number(match[1]) * UNIT_MS[match[2]!]!) : 0;
  if (ms < 1) throw new InvalidArgumentError("Expected a time such as '500ms', '10s' or '2m'.");
  return ms;
}

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** Parses a whole number of at least 1. */
export function parseCount(text: string): number {
  const value = parseNumber(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return value;
}

export const collect = (text: string, collected: string[] = []): string[] => [...collected, text];

/** Collects `NAME=value`. A bare `NAME` takes its value from the environment; it is skipped if it is not set there. */
export function collectEnv(text: string, collected: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  if (name === '') throw new InvalidArgumentError('Expected NAME=value or NAME.');
  const value = at < 0 ? process.env[name] : text.slice(at + 1);
  return value === undefined ? collected : { ...collected, [name]: value };
}

/** Collects `8000` and `8080:8000`: the local port first, as in docker. */
export function collectPort(text: string, collected: PortFlag[] = []): PortFlag[] {
  const match = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(text);
  const [localPort, port] = [match?.[1], match?.[2]].map((digits) =>
    digits === undefined ? undefined : Number(digits),
  );
  if (port === undefined || port < 1 || Math.max(port, localPort ?? 0) > 65_535) {
    throw new InvalidArgumentError("Expected a port such as 8000, or '8080:8000' (local:sandbox).");
  }
  return [...collected, { port, localPort }];
}

/** Parses `7077`, `127.0.0.1:7077` or `[::1]:7077`. */
export function collectListen(text: string): { host: string; port: number } {
  const match = /^(?:(\[[0-9a-fA-F:]+\]|[^:[\]]+):)?(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[2]);
  if (!match || port > 65_535)
    throw new InvalidArgumentError("Expected a port, or an address and a port: '127.0.0.1:7077'.");
  return { host: (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port };
}

/** Collects `name=file`. */
export function collectSpec(text: string, collected: Record<string, string> = {}): Record<string, string> {
  const [name = '', ...rest] = text.split('=');
  const file = rest.join('=');
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name) || file === '') throw new InvalidArgumentError('Expected name=file.');
  return { ...collected, [name]: hostPath(file) };
}
