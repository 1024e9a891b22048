import http from 'node:http';
import type { Duplex } from 'node:stream';
import type { SshTarget } from './engine-url.js';
import { SshStream } from './ssh-stream.js';

/**
 * Connects to an engine over ssh, with one `ssh … docker system dial-stdio` process per connection, like the docker
 * CLI. The user's ssh configuration, keys, agent and known hosts are used. (docker-modem's own ssh client ignores the
 * configuration and accepts any host key.)
 */
export class SshAgent extends http.Agent {
  private readonly streams = new Set<SshStream>();

  constructor(private readonly target: SshTarget) {
    // Reuse connections, because a handshake takes tens of milliseconds or more.
    super({ keepAlive: true, maxFreeSockets: 4 });
  }

  override createConnection(): Duplex {
    const stream = new SshStream(this.target);
    this.streams.add(stream);
    stream.once('close', () => this.streams.delete(stream));
    return stream;
  }

  /** Ends every connection and its process, also busy ones. */
  close(): void {
    this.destroy();
    for (const stream of this.streams) stream.destroy();
  }
}
