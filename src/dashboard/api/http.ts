/** Sends requests to the server. Every failure is an `ApiError` with a message for the user. */
import { refused, token } from './token.js';
import type { ErrorDocument } from './types.js';

export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    /** HTTP status; 0 if the server did not answer. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

interface RequestOptions {
  method?: string;
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Sends a request and returns the answer. @throws ApiError if its status is not a success */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const { json, headers = {}, ...init } = options;
  const sent: Record<string, string> = { ...headers };
  if (token.value !== undefined) sent.authorization = `Bearer ${token.value}`;
  if (json !== undefined) sent['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      ...init,
      headers: sent,
      body: json === undefined ? init.body : JSON.stringify(json),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, 'unreachable', 'The server does not answer.', 'Is `ripcord serve` still running?');
  }
  if (response.ok) return response;
  if (response.status === 401) refused.value = true;
  throw await toError(response);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, { headers: { accept: 'application/json' }, signal });
  return (await response.json()) as T;
}

export async function post<T>(path: string, json: unknown = {}): Promise<T> {
  return bodyOf<T>(await send(path, { method: 'POST', json }));
}

export async function del<T>(path: string): Promise<T> {
  return bodyOf<T>(await send(path, { method: 'DELETE' }));
}

async function bodyOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

async function toError(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  // The answer may come from a proxy, without an error document.
  const error = (body as Partial<ErrorDocument> | undefined)?.error;
  const message = error?.message ?? `The server answered ${response.status} ${response.statusText}`.trim();
  return new ApiError(response.status, error?.code ?? 'http', message, error?.hint);
}
