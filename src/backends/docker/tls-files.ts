import { readFileSync } from 'node:fs';
import path from 'node:path';
import { dockerConfigDirectory } from './docker-config.js';
import { invalidEndpoint } from './endpoint-error.js';
import type { Environment } from './environment.js';

/** PEM texts. They are stored by content, because the watchdog may need them when the files are gone. */
export interface Certificates {
  ca: string;
  cert: string;
  key: string;
}

const FILES = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' } as const;

/** Reads `ca.pem`, `cert.pem` and `key.pem`. All must exist. */
function readCertificates(directory: string, source: string): Certificates {
  const read = (name: string) => {
    const file = path.join(directory, name);
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw invalidEndpoint(`the certificate file ${file} cannot be read`, source, {
        cause: error,
        hint: 'DOCKER_CERT_PATH names a directory with ca.pem, cert.pem and key.pem.',
      });
    }
  };
  return { ca: read(FILES.ca), cert: read(FILES.cert), key: read(FILES.key) };
}

/** Reads those of the three files that exist: a context may have only a CA, or no files. */
export function readCertificatesIfAny(directory: string, source: string): Partial<Certificates> {
  const certificates: Partial<Certificates> = {};
  for (const [name, file] of Object.entries(FILES) as Array<[keyof Certificates, string]>) {
    try {
      certificates[name] = readFileSync(path.join(directory, file), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw invalidEndpoint(`the certificate file ${path.join(directory, file)} cannot be read`, source, {
        cause: error,
      });
    }
  }
  return certificates;
}

/**
 * Returns the certificates for a TCP engine from the environment. With DOCKER_TLS_VERIFY set (to any value, as in the
 * docker CLI) they come from DOCKER_CERT_PATH or `~/.docker`. If only the URL requires TLS, they come from
 * DOCKER_CERT_PATH alone.
 */
export function environmentTls(env: Environment, source: string, secure: boolean): Partial<Certificates> {
  if (!env.DOCKER_TLS_VERIFY && !(secure && env.DOCKER_CERT_PATH)) return {};
  return readCertificates(env.DOCKER_CERT_PATH || dockerConfigDirectory(env), source);
}
