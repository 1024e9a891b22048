import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { dockerConfigDirectory } from './docker-config.js';
import { invalidEndpoint } from './endpoint-error.js';
import type { Environment } from './environment.js';
import type { Certificates } from './tls-files.js';
import { readCertificatesIfAny } from './tls-files.js';

interface ContextMeta {
  Name?: string;
  Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
}

/**
 * Reads a context of the docker CLI (Colima, Rancher Desktop and Docker Desktop each create one). The host is in
 * `contexts/meta/<sha256 of the name>/meta.json`, the certificates are in `contexts/tls/<sha256 of the name>/docker/`.
 */
export function readContext(
  name: string,
  source: string,
  env: Environment,
): { host: string; certificates: Partial<Certificates> } {
  const contexts = path.join(dockerConfigDirectory(env), 'contexts');
  const id = createHash('sha256').update(name).digest('hex');
  const meta = readMeta(path.join(contexts, 'meta', id, 'meta.json'));
  const docker = meta?.Endpoints?.docker;
  if (meta === undefined) {
    const known = ['default', ...knownContexts(path.join(contexts, 'meta'))];
    throw invalidEndpoint(`there is no docker context ${JSON.stringify(name)}`, source, {
      hint: `Known contexts: ${known.join(', ')}. \`docker context ls\` lists them.`,
    });
  }
  if (!docker?.Host) throw invalidEndpoint(`the docker context ${JSON.stringify(name)} has no docker endpoint`, source);
  if (docker.SkipTLSVerify) {
    throw invalidEndpoint(`the docker context ${JSON.stringify(name)} skips TLS verification`, source, {
      hint: 'An engine that anybody can imitate is not used. Add its CA to the context.',
    });
  }
  return { host: docker.Host, certificates: readCertificatesIfAny(path.join(contexts, 'tls', id, 'docker'), source) };
}

function knownContexts(metaDirectory: string): string[] {
  try {
    return readdirSync(metaDirectory)
      .flatMap((id) => readMeta(path.join(metaDirectory, id, 'meta.json'))?.Name ?? [])
      .sort();
  } catch {
    return [];
  }
}

function readMeta(file: string): ContextMeta | undefined {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as ContextMeta | null) ?? undefined;
  } catch {
    return undefined;
  }
}
