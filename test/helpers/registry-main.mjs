/**
 * A registry of images that has one image and answers to any name: what an engine's mirror is to it.
 *
 *     node registry-main.mjs PORT < an archive as the engine exports it
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';

/** @type {Map<string, Buffer>} */
const files = new Map();
for await (const entry of process.stdin.pipe(extract())) files.set(entry.header.name, await buffer(entry));

/** @type {Map<string, { body: Buffer, type: string }>} */
const blobs = new Map();
const add = (/** @type {Buffer} */ body, /** @type {string} */ type) => {
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  blobs.set(digest, { body, type });
  return { mediaType: type, size: body.length, digest };
};

const DOCKER = 'application/vnd.docker';
const [{ Config, Layers }] = JSON.parse(String(files.get('manifest.json')));
const manifest = add(
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${DOCKER}.distribution.manifest.v2+json`,
      config: add(/** @type {Buffer} */ (files.get(Config)), `${DOCKER}.container.image.v1+json`),
      layers: Layers.map((/** @type {string} */ name) =>
        add(/** @type {Buffer} */ (files.get(name)), `${DOCKER}.image.rootfs.diff.tar.gzip`),
      ),
    }),
  ),
  `${DOCKER}.distribution.manifest.v2+json`,
);

createServer((request, response) => {
  const [, kind, reference = ''] = /\/(manifests|blobs)\/([^/]+)$/.exec(request.url ?? '') ?? [];
  const blob =
    kind === 'manifests' && !reference.startsWith('sha256:') ? blobs.get(manifest.digest) : blobs.get(reference);
  if (request.url === '/v2/') response.end('{}');
  else if (!blob) response.writeHead(404).end();
  else {
    response.writeHead(200, { 'content-type': blob.type, 'content-length': blob.body.length });
    response.end(request.method === 'HEAD' ? undefined : blob.body);
  }
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
