/**
 * The engine's raw HTTP API over its socket. The audit must not look through the code it audits: no dockerode, nothing
 * of src/.
 */
import http from 'node:http';

export interface EngineContainer {
  Id: string;
  Names: string[];
  State: string;
  Labels: Record<string, string>;
}

export interface EngineEvent {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

/** The socket of the engine the tests run on. */
export function engineSocket(): string {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  if (!host.startsWith('unix://')) throw new Error(`chaos tests need an engine on a local socket, not ${host}`);
  return host.slice('unix://'.length);
}

export class EngineApi {
  readonly socketPath: string;

  constructor(socketPath = engineSocket()) {
    this.socketPath = socketPath;
  }

  /** @returns the answer's status and body; rejects only where none came */
  async ask(
    method: string,
    path: string,
    body?: object | NodeJS.ReadableStream,
  ): Promise<{ status: number; text: string }> {
    const response = await this.open(method, path, body);
    let text = '';
    response.setEncoding('utf8');
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode ?? 0, text };
  }

  open(method: string, path: string, body?: object | NodeJS.ReadableStream): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const streamed = body !== undefined && 'pipe' in body;
      const request = http.request(
        {
          socketPath: this.socketPath,
          method,
          path,
          agent: false,
          headers: body ? { 'Content-Type': streamed ? 'application/x-tar' : 'application/json' } : {},
        },
        resolve,
      );
      request.on('error', reject);
      if (streamed) body.pipe(request);
      else request.end(body && JSON.stringify(body));
    });
  }

  async json<T>(method: string, path: string, body?: object): Promise<T> {
    const { status, text } = await this.ask(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text.trim()}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async answers(): Promise<boolean> {
    return this.ask('GET', '/_ping').then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  /** In every state: `created`, `running`, `paused`, `exited`, `dead`, `removing`. */
  containers(label: string): Promise<EngineContainer[]> {
    return this.json('GET', `/containers/json?all=1&filters=${filters({ label: [label] })}`);
  }

  async volumes(label: string): Promise<string[]> {
    const found = await this.json<{ Volumes: { Name: string }[] | null }>(
      'GET',
      `/volumes?filters=${filters({ label: [label] })}`,
    );
    return (found.Volumes ?? []).map((volume) => volume.Name);
  }

  /** A container that is never started. */
  async createContainer(name: string, image: string, labels: Record<string, string>): Promise<string> {
    const { Id } = await this.json<{ Id: string }>('POST', `/containers/create?name=${name}`, {
      Image: image,
      Cmd: ['/bin/sleep', '1000'],
      Labels: labels,
      HostConfig: { NetworkMode: 'none' },
    });
    return Id;
  }

  async exists(id: string): Promise<boolean> {
    return (await this.ask('GET', `/containers/${id}/json`)).status !== 404;
  }

  async removeContainer(id: string): Promise<void> {
    await this.ask('DELETE', `/containers/${id}?force=1&v=1`);
  }

  /** Calls `listener` with every event of containers that carry `label`; resolves when the engine listens. */
  async follow(label: string, listener: (event: EngineEvent) => void): Promise<() => void> {
    const response = await this.open('GET', `/events?filters=${filters({ type: ['container'], label: [label] })}`);
    let rest = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line) listener(JSON.parse(line) as EngineEvent);
    });
    response.on('error', () => {});
    return () => response.destroy();
  }
}

const filters = (what: Record<string, string[]>): string => encodeURIComponent(JSON.stringify(what));
