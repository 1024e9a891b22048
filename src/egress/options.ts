/** Options of `network: { allow }`. */
import { z } from 'zod';
import { port, sizeSchema, text } from '../base/option-fields.js';

/** Egress through the pipe: still no interface but `lo`; the host decides about each connection. */
export const networkSchema = z.strictObject({
  /**
   * `api.example.com`, `*.example.org`, `10.0.0.7:5432`, `10.0.0.0/8`, `[fd00::1]:443`, `*`. Empty: none. `localhost:8080` is a
   * port of the host, and called `host.ripcord.internal:8080` inside, where localhost is the sandbox itself.
   * `@npm`, `@pip`, `@apt`: the hosts that these tools are set to on this machine, asked of them when the sandbox is made.
   */
  allow: z.array(text.min(1)).max(1000),
  /** The same grammar; an entry without a port is for every port. Wins over `allow`. */
  deny: z.array(text.min(1)).max(1000).default([]),
  /** The ports of entries without one. Default 80 and 443. */
  ports: z.array(port).min(1).default([80, 443]),
  /** Both directions together, over the sandbox's life; past it connections are cut. Default: no limit. */
  maxBytes: sizeSchema.optional(),
  /** At a time; further ones wait. Default 64. */
  maxConnections: z.number().int().min(1).max(256).default(64),
  /** Headers added on the host, so that their values never enter the sandbox. */
  inject: z
    .array(
      z.strictObject({
        /** An exact name, with a port or without (443, or 80 with `tls: false`). */
        host: text.min(1),
        /** The header's name, e.g. `authorization`. What the sandbox sends under it is dropped. */
        header: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of a header' }),
        /** The environment variable of this process that holds the value. */
        fromEnv: text.min(1),
        /** Before the value, e.g. `Bearer `. */
        prefix: text.default(''),
        /** Default true: the sandbox asks in plain HTTP, the host goes on in TLS and checks the certificate. */
        tls: z.boolean().default(true),
      }),
    )
    .default([]),
  /**
   * Certificate authorities (PEM) to trust besides the image's, for a private registry or a proxy that inspects TLS: the
   * usual variables name them inside, and `inject` trusts them on the host. Default: none.
   */
  ca: text.min(1).optional(),
  /**
   * A proxy that the host connects through: its `http://` or `https://` URL, or `env` for HTTP_PROXY, HTTPS_PROXY and
   * NO_PROXY of this process. Which address a name has is then that proxy's to check. Default: none.
   */
  upstreamProxy: text.min(1).optional(),
});

export type NetworkOptions = z.input<typeof networkSchema>;
export type ResolvedNetwork = z.output<typeof networkSchema>;
