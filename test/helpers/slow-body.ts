import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Sends a request whose body comes in pieces, and reads the answer only when all of it is sent. Resolves to the first line of the answer. */
export async function sendSlowly(port: number, head: string[], bytes: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  await once(socket, 'connect');
  socket.write(`${[...head, `host: 127.0.0.1:${port}`, `content-length: ${bytes}`].join('\r\n')}\r\n\r\n`);
  try {
    for (let sent = 0; sent < bytes; sent += 64 * 1024) {
      const room = socket.write(Buffer.alloc(Math.min(64 * 1024, bytes - sent), 'x'));
      await (room ? sleep(1) : once(socket, 'drain'));
    }
    let answer = '';
    for await (const chunk of socket) {
      answer += chunk;
      if (answer.includes('\r\n')) break;
    }
    return answer.split('\r\n')[0]!;
  } finally {
    socket.destroy();
  }
}
