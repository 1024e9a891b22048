/** An abort while a manager is opened, at an engine that does not answer. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { SandboxManager } from '../../../src/sandbox/sandbox-manager.js';
import { useTempDirectory } from '../../helpers/temp.js';

const at = useTempDirectory();
const reason = new Error('enough');
const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const ANSWERS: Record<string, object> = {
  version: { Version: '27.0.0', ApiVersion: '1.44', MinAPIVersion: '1.24', Os: 'linux', Arch: 'amd64' },
  info: { Runtimes: {}, SecurityOptions: [], CgroupVersion: '2', NCPU: 2, OSType: 'linux' },
};

/** Answers what it knows but `held`; `asked` resolves when it is asked for that. */
async function engine(held: string) {
  let onAsked!: (response: ServerResponse) => void;
  const asked = new Promise<ServerResponse>((resolve) => {
    onAsked = resolve;
  });
  const server = createServer((request, response) => {
    const name = /\/(version|info|volumes)/.exec(request.url!)?.[1] ?? '';
    if (name === held) return onAsked(response);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(ANSWERS[name] ?? {}));
  });
  servers.push(server);
  server.listen(at(`${held}.sock`));
  await once(server, 'listening');
  return { docker: `unix://${at(`${held}.sock`)}`, asked };
}

it.each(['version', 'info', 'volumes'])('is heard at once when it says nothing of its %s', async (held) => {
  const { docker, asked } = await engine(held);
  const abort = new AbortController();
  const opening = SandboxManager.open({ docker, signal: abort.signal, stateDir: at('state') }).catch((error) => error);
  await asked;
  abort.abort(reason);
  expect(await opening).toMatchObject({ name: 'TaskAbortedError', code: 'aborted', cause: reason });
});
