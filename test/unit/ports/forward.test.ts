import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../../src/base/abort.js';
import { SandboxLostError, TaskAbortedError } from '../../../src/base/errors.js';
import { SandboxPorts } from '../../../src/ports/sandbox-ports.js';
import { freePort } from '../../helpers/free-port.js';
import { Inside } from './inside.js';

const never = new Promise<never>(() => {});

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return await once(socket, 'connect').then(
    () => {
      socket.destroy();
      return true;
    },
    () => false,
  );
}

describe('ports.forward', () => {
  it('survives a client that resets before the inner connection is there', async () => {
    const inner = deferred<Duplex>();
    const asked = deferred<void>();
    const ports = new SandboxPorts({
      connect: () => {
        asked.resolve();
        return inner.promise;
      },
      ended: () => never,
    });
    await using forward = await ports.forward(80);
    const client = connect(forward.localPort, forward.host);
    client.on('error', () => {});
    await asked.promise;
    client.resetAndDestroy();
    await expect.poll(() => forward.connections).toBe(0);
    const inside = new Inside();
    inner.resolve(inside);
    await inside.gone();
  });

  it('leaves no port open where the sandbox has ended meanwhile', async () => {
    const localPort = await freePort();
    const ports = new SandboxPorts({
      connect: () => never,
      ended: () => {
        throw new SandboxLostError('the sandbox is closed', { closed: true });
      },
    });
    await expect(ports.forward(80, { localPort })).rejects.toThrow(SandboxLostError);
    expect(await isListening(localPort)).toBe(false);
  });

  it('leaves no port open where the signal fires while it is being opened', async () => {
    const localPort = await freePort();
    const controller = new AbortController();
    const ports = new SandboxPorts({ connect: () => never, ended: () => never });
    const forwarding = ports.forward(80, { localPort, signal: controller.signal });
    controller.abort();
    await expect(forwarding).rejects.toThrow(TaskAbortedError);
    expect(await isListening(localPort)).toBe(false);
  });
});
