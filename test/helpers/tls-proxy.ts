import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

export interface TlsProxy {
  port: number;
  /** Directory with a client's ca.pem, cert.pem and key.pem, for DOCKER_CERT_PATH. */
  certPath: string;
  stop(): Promise<void>;
}

/** TLS with client certificates in front of a unix socket, as dockerd's `--tlsverify` has it. */
export async function startTlsProxy(socketPath: string): Promise<TlsProxy> {
  const certPath = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-tls-'));
  const file = (name: string) => path.join(certPath, name);
  makeCertificates(file);
  const clients = new Set<net.Socket>();
  const server = tls.createServer(
    {
      ca: readFileSync(file('ca.pem')),
      cert: readFileSync(file('server.pem')),
      key: readFileSync(file('server-key.pem')),
      requestCert: true,
      rejectUnauthorized: true,
      allowHalfOpen: true,
    } as tls.TlsOptions,
    (client) => {
      const engine = net.connect({ path: socketPath, allowHalfOpen: true });
      client.pipe(engine).pipe(client);
      client.on('error', () => engine.destroy());
      engine.on('error', () => client.destroy());
      client.on('close', () => engine.destroy());
    },
  );
  // Connections with a failed handshake count too, because closing the server waits for every one.
  server.on('connection', (socket: net.Socket) => {
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    certPath,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const client of clients) client.destroy();
      await closed;
      rmSync(certPath, { recursive: true });
    },
  };
}

/** A CA, a server's certificate for `names`, and a client's. */
export function makeCertificates(file: (name: string) => string, names = 'IP:127.0.0.1,DNS:localhost'): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const days = ['-days', '2'];
  openssl(
    'req',
    '-x509',
    ...key,
    ...days,
    '-subj',
    '/CN=test ca',
    '-keyout',
    file('ca-key.pem'),
    '-out',
    file('ca.pem'),
  );
  writeFileSync(file('server.ext'), `subjectAltName=${names}\n`);
  writeFileSync(file('client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const [name, certificate, keyName] of [
    ['server', 'server.pem', 'server-key.pem'],
    ['client', 'cert.pem', 'key.pem'],
  ] as const) {
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', file(keyName), '-out', file(`${name}.csr`));
    const signing = ['-CA', file('ca.pem'), '-CAkey', file('ca-key.pem'), '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      ...signing,
      ...days,
      '-extfile',
      file(`${name}.ext`),
      '-out',
      file(certificate),
    );
  }
}
