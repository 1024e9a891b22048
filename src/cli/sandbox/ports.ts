/** Implements `--port`: forwards local ports to servers in the sandbox. */

import { InvalidOptionsError } from '../../base/errors.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { note } from '../failure.js';

export interface PortFlag {
  port: number;
  localPort: number | undefined;
}

/** Forwards the ports and prints their URLs. The forwarding ends with the sandbox. */
export async function openPorts(sandbox: Sandbox, ports: readonly PortFlag[] = [], signal: AbortSignal): Promise<void> {
  for (const { port, localPort } of ports) {
    const { url } = await sandbox.ports.forward(port, { localPort, signal }).catch((error) => {
      if (!(error instanceof InvalidOptionsError) || localPort === undefined) throw error;
      const message = error.message.replace(/^ports\.forward: /, '-p: ');
      throw new InvalidOptionsError(message, { cause: error, hint: `-p ${port} takes any free one.` });
    });
    note(`port ${port} of the sandbox is at ${url}`);
  }
}
