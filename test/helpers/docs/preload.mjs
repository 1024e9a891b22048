// Loaded before a documentation snippet: names of example domains lead to the stand-in that RIPCORD_STANDIN names.
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const { lookup } = dns;
const { connect } = net;
const [, port = '0'] = /:(\d+)$/.exec(process.env.RIPCORD_STANDIN ?? '') ?? [];
/** A public address, as the policy wants one; nothing is ever sent there. */
const PUBLIC = '93.184.216.34';

dns.lookup = (/** @type {string} */ host, /** @type {any} */ options) =>
  /(?:^|\.)example\.(?:com|org)$/.test(host)
    ? Promise.resolve(options?.all ? [{ address: PUBLIC, family: 4 }] : { address: PUBLIC, family: 4 })
    : lookup(host, options);
net.connect = (/** @type {any[]} */ ...values) => {
  const [options] = values;
  if (options?.host === PUBLIC) return connect({ ...options, host: '127.0.0.1', port: Number(port) });
  return /** @type {any} */ (connect)(...values);
};
syncBuiltinESMExports();
