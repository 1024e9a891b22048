/** The two questions the set-up asks an engine before any package is installed, in plain HTTP. */
import http from 'node:http';

/**
 * @param {string} endpoint `unix:///…`, `npipe:////./pipe/…`, `tcp://host:port` or `http://host:port`
 * @returns {{ socketPath: string } | { host: string, port: number } | undefined} `undefined`: not plain HTTP
 */
function address(endpoint) {
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(endpoint)?.[1];
  if (socket) return { socketPath: endpoint.startsWith('npipe:') ? socket.replaceAll('/', '\\') : socket };
  const tcp = /^(?:tcp|http):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(endpoint);
  if (!tcp || process.env.DOCKER_TLS_VERIFY) return undefined;
  return { host: tcp[1].replace(/^\[|\]$/g, ''), port: Number(tcp[2] ?? 2375) };
}

/**
 * Whether an endpoint can be asked from here at all: one behind ssh or TLS is taken as it is given.
 * @param {string} endpoint
 */
export function canAsk(endpoint) {
  return address(endpoint) !== undefined;
}

/**
 * @param {string} endpoint
 * @param {string} path
 * @param {number} [timeoutMs]
 * @returns {Promise<string>} the body of a 200 answer
 */
export function askEngine(endpoint, path, timeoutMs = 5000) {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...address(endpoint), path, agent: false, timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`HTTP ${response.statusCode}: ${body.trim().slice(0, 200)}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    request.on('error', reject);
  });
}

/**
 * Whether an engine answers there. An error says why not: `ENOENT`, `ECONNREFUSED`, `EACCES` …
 * @param {string} endpoint
 */
export async function pingEngine(endpoint) {
  const body = await askEngine(endpoint, '/_ping');
  // Any web server may listen on a port; an engine answers with exactly this.
  if (!body.startsWith('OK')) throw new Error('something answers there that is not a Docker engine');
}
