import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packContext, readContextFiles, toStream } from '../../../src/images/context.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-context-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function put(name: string, content: string, mode: number) {
  const file = path.join(directory, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

describe('a build context', () => {
  test('knows two modes, so that a checkout with another umask has the same hash', () => {
    put('Dockerfile', 'FROM x', 0o600);
    put('rootfs/etc/plain', '', 0o664);
    put('tool', 'echo', 0o700);
    put('script-without-its-bit', '#!/bin/sh', 0o644);
    expect(readContextFiles(directory).map(({ path, mode }) => [path, mode.toString(8)])).toEqual([
      ['Dockerfile', '644'],
      ['rootfs/etc/plain', '644'],
      ['script-without-its-bit', '755'],
      ['tool', '755'],
    ]);
  });

  test('arrives in the tar stream as root-owned files with their content', async () => {
    put('a/b', 'hello', 0o755);
    const context = packContext(readContextFiles(directory));
    context.finalize();
    const entries = toStream(context).pipe(extract());
    const seen: unknown[] = [];
    for await (const entry of entries) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      seen.push([entry.header.name, entry.header.uid, entry.header.mode, Buffer.concat(chunks).toString()]);
    }
    expect(seen).toEqual([['a/b', 0, 0o755, 'hello']]);
  });
});
