/** Options of `network: { allow }`. */
import { z } from 'zod';
import { port, sizeSchema, text } from '../base/option-fields.js';

/**
 * Network access through the pipe. The sandbox still has no interface but `lo`; the host decides about each connection.
 */
export interface NetworkOptions {
  /**
   * Hosts that the sandbox may reach: `api.example.com`, `*.example.org`, `10.0.0.7:5432`, `10.0.0.0/8`, `[fd00::1]:443`, `*`. An
   * empty list allows none. `localhost:8080` is a port of the host; inside, its name is `host.ripcord.internal:8080`, because
   * localhost there is the sandbox itself. `@npm`, `@pip` and `@apt` stand for the hosts that these tools of this machine are
   * configured to use when the sandbox is made.
   */
  allow: string[];
  /**
   * Hosts that the sandbox must not reach, in the same grammar. They override `allow`. An entry without a port covers every port.
   * @default []
   */
  deny?: string[] | undefined;
  /**
   * Ports of the entries of `allow` that name none.
   * @default [80, 443]
   */
  ports?: number[] | undefined;
  /** Maximum traffic of both directions together over the sandbox's life. Past it connections are cut. If unset, no limit. */
  maxBytes?: string | number | undefined;
  /**
   * Maximum number of connections at once; further ones wait.
   * @default 64
   */
  maxConnections?: number | undefined;
  /**
   * Headers added on the host, so that their values never enter the sandbox.
   * @default []
   */
  inject?: InjectOptions[] | undefined;
  /**
   * Certificate authorities (PEM) to trust besides the image's, for a private registry or a proxy that inspects TLS. Inside, the
   * usual variables name them; on the host, `inject` trusts them. If unset, none are added.
   */
  ca?: string | undefined;
  /**
   * Proxy that the host connects through: its `http://` or `https://` URL, or `env` for HTTP_PROXY, HTTPS_PROXY and NO_PROXY of
   * this process. That proxy then resolves names and has to check addresses. If unset, the host connects directly.
   */
  upstreamProxy?: string | undefined;
}

/** A header that the host adds to requests of the sandbox. */
export interface InjectOptions {
  /** Exact name of the host, with or without a port (443, or 80 with `tls: false`). */
  host: string;
  /** Name of the header, e.g. `authorization`. The host drops a header of this name that the sandbox sends. */
  header: string;
  /** Name of the environment variable of this process that holds the value. */
  fromEnv: string;
  /**
   * Text before the value, e.g. `Bearer `.
   * @default ''
   */
  prefix?: string | undefined;
  /**
   * Encryption: the sandbox sends plain HTTP, and the host continues in TLS and checks the certificate.
   * @default true
   */
  tls?: boolean | undefined;
}

export const injectSchema = z.strictObject({
  host: text.min(1),
  header: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of a header' }),
  fromEnv: text.min(1),
  prefix: text.default(''),
  tls: z.boolean().default(true),
});

export const networkSchema = z.strictObject({
  allow: z.array(text.min(1)).max(1000),
  deny: z.array(text.min(1)).max(1000).default([]),
  ports: z.array(port).min(1).default([80, 443]),
  maxBytes: sizeSchema.optional(),
  maxConnections: z.number().int().min(1).max(256).default(64),
  inject: z.array(injectSchema).default([]),
  ca: text.min(1).optional(),
  upstreamProxy: text.min(1).optional(),
});

export type ResolvedNetwork = z.output<typeof networkSchema>;
