/** The engine's own word, by raw HTTP: what Ripcord says of itself is checked against it. */
import { readdirSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';

export const ENGINE_SOCKET = process.env.DOCKER_HOST?.replace(/^unix:\/\//, '') ?? '/var/run/docker.sock';

export interface EngineAnswer<T> {
  status: number;
  body: T;
}

/** One call of the engine's API. `body` is sent as JSON, bytes as they are. */
export async function engine<T = never>(
  method: string,
  path: string,
  body?: object | Buffer,
  socketPath = ENGINE_SOCKET,
): Promise<EngineAnswer<T>> {
  const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const headers = bytes && {
    'content-type': Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json',
    'content-length': bytes.length,
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, method, path, headers: headers || {}, agent: false }, resolve)
      .on('error', reject)
      .end(bytes);
  });
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const json = text.startsWith('{') || text.startsWith('[');
  // A stream of progress lines is not one JSON text.
  const parsed = json && !text.includes('}\r\n{') ? JSON.parse(text) : text;
  return { status: response.statusCode!, body: parsed as T };
}

const labelled = (label: string) => encodeURIComponent(JSON.stringify({ label: [label] }));

/** Names of the containers an instance has on the engine, whatever their state. */
export async function containersOf(instance: string, socketPath?: string): Promise<string[]> {
  const path = `/containers/json?all=1&filters=${labelled(`ripcord.instance=${instance}`)}`;
  const { body } = await engine<{ Names: string[] }[]>('GET', path, undefined, socketPath);
  return body.map(({ Names }) => Names[0]!.slice(1));
}

export async function volumesOf(instance: string, socketPath?: string): Promise<string[]> {
  const { body } = await engine<{ Volumes: { Name: string }[] | null }>(
    'GET',
    `/volumes?filters=${labelled(`ripcord.instance=${instance}`)}`,
    undefined,
    socketPath,
  );
  return (body.Volumes ?? []).map(({ Name }) => Name);
}

/** Resolves to true if the engine has a container of that name or id. */
export async function isThere(container: string): Promise<boolean> {
  return (await engine('GET', `/containers/${container}/json`)).status === 200;
}

/** The sandbox directories an instance has on the disk. */
export function directoriesOf(stateDir: string, instance: string): string[] {
  try {
    return readdirSync(`${stateDir}/${instance}`).filter((name) => name !== 'owner');
  } catch {
    return [];
  }
}

/** Polls `check` until it is true, for changes without an event. */
export async function until(check: () => boolean | Promise<boolean>, what: string, limitMs = 10_000): Promise<void> {
  const giveUpAt = Date.now() + limitMs;
  while (!(await check())) {
    if (Date.now() > giveUpAt) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
