import { readFileSync } from 'node:fs';
import path from 'node:path';
import { dockerConfigDirectory } from './docker-config.js';
import { invalidEndpoint } from './endpoint-error.js';
import type { Environment } from './environment.js';

/** PEM texts. By content, because the watchdog may need them when the files are gone. */
export interface Certificates {
  ca: string;
  cert: string;
  key: string;
}

const FILES = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' } as const;

/** Reads `ca.pem`, `cert.pem` and `key.pem`; all must be there. */
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

/** Reads those of the three files that are there: a context may have only a CA, or none. */
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
 * The certificates of a tcp engine from the environment: with DOCKER_TLS_VERIFY set (to anything, as the docker CLI
 * has it) those of DOCKER_CERT_PATH or `~/.docker`. Where TLS is asked for by the URL alone, only what DOCKER_CERT_PATH
 * names.
 */
export function environmentTls(env: Environment, source: string, secure: boolean): Partial<Certificates> {
  if (!env.DOCKER_TLS_VERIFY && !(secure && env.DOCKER_CERT_PATH)) return {};
  return readCertificates(env.DOCKER_CERT_PATH || dockerConfigDirectory(env), source);
}
