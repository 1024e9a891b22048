import http from 'node:http';
import type { Duplex } from 'node:stream';
import type { SshTarget } from './engine-url.js';
import { SshStream } from './ssh-stream.js';

/**
 * Connections to an engine behind ssh, one `ssh … docker system dial-stdio` process each, as the docker CLI has it.
 * The user's ssh configuration, keys, agent and known hosts are all honoured. (docker-modem's own ssh client reads no
 * configuration and takes any host key.)
 */
export class SshAgent extends http.Agent {
  private readonly streams = new Set<SshStream>();

  constructor(private readonly target: SshTarget) {
    // A handshake takes tens of milliseconds and more; calls in a row share one.
    super({ keepAlive: true, maxFreeSockets: 4 });
  }

  override createConnection(): Duplex {
    const stream = new SshStream(this.target);
    this.streams.add(stream);
    stream.once('close', () => this.streams.delete(stream));
    return stream;
  }

  /** Ends every connection and its process, those in the middle of something included. */
  close(): void {
    this.destroy();
    for (const stream of this.streams) stream.destroy();
  }
}
