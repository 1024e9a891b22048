/** Adds certificate authorities to the usual ones, for a private registry or a proxy that inspects TLS. */
import { X509Certificate } from 'node:crypto';
import type { AgentCapabilities } from '../agent/messages.js';
import { FileError, InvalidOptionsError, messageOf } from '../base/errors.js';
import type { SandboxFiles } from '../files/sandbox-files.js';

/** Path of the bundle. Only root can write there, so commands cannot remove it. */
const BUNDLE = '/run/ripcord/ca.pem';
/**
 * Path of the bundle in older gVisor, which does not run operations as root. `rm -rf /tmp/*` skips names that begin
 * with a dot.
 */
const OPEN_BUNDLE = '/tmp/.ripcord-ca.pem';
const bundleOf = ({ rootSafe }: Place): string => (rootSafe ? BUNDLE : OPEN_BUNDLE);

/** Facts about the kernel that the agent reports. */
type Place = Pick<AgentCapabilities, 'rootSafe'>;
/** Bundles of the common distributions, as Go's crypto/x509 lists them (root_linux.go). */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Returns the certificates in `pem` without other content, such as a key.
 * @throws InvalidOptionsError, which does not repeat the input
 */
export function certificatesOf(pem: string): string {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) {
    throw new InvalidOptionsError('create: network.ca: expected certificates in PEM, as text', {
      hint: 'The name of a file is not enough: read the file first.',
    });
  }
  for (const [index, certificate] of found.entries()) {
    try {
      new X509Certificate(certificate);
    } catch (error) {
      throw new InvalidOptionsError(
        `create: network.ca: certificate ${index + 1} cannot be read: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }
  return `${found.join('\n')}\n`;
}

/**
 * Variables that point programs to a bundle of authorities: npm, pip, requests, curl, git, OpenSSL with Go and Ruby,
 * cargo, Deno, the AWS tools, httplib2, gRPC. Java has a store of its own.
 */
const VARIABLES = [
  'NODE_EXTRA_CA_CERTS',
  'PIP_CERT',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'SSL_CERT_FILE',
  'CARGO_HTTP_CAINFO',
  'DENO_CERT',
  'AWS_CA_BUNDLE',
  'HTTPLIB2_CA_CERTS',
  'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
];

export const authorityVariables = (place: Place): Record<string, string> =>
  Object.fromEntries(VARIABLES.map((name) => [name, bundleOf(place)]));

/**
 * Installs the bundle. It begins with the image's bundle, because most of the variables replace the system's bundle.
 */
export async function installAuthorities(
  files: SandboxFiles,
  place: Place,
  certificates: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const system = await systemBundle(files, signal);
  const user = place.rootSafe ? '0:0' : undefined;
  await files.write(bundleOf(place), `${system}\n${certificates}`, { mode: 0o444, user, signal });
}

async function systemBundle(files: SandboxFiles, signal: AbortSignal | undefined): Promise<string> {
  for (const path of SYSTEM_BUNDLES) {
    try {
      return await files.readText(path, { signal });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
    }
  }
  return '';
}
