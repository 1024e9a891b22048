/**
 * The library's faces take every option that the library takes. An option that a face leaves out stands here with the
 * reason. A new option of the library fails here until a face takes it or it is added here.
 */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { remoteCreateSchema } from '../../../src/client/options.js';
import * as config from '../../../src/config.js';
import { callerCreateSchema, callerNetworkSchema } from '../../../src/server/create-options.js';
import * as wire from '../../../src/server/schemas.js';
import { execMessageSchema } from '../../../src/server/ws/exec-session.js';

const SIGNAL = 'an abort is a request of its own';
const USER = 'callers never choose who commands run as';
const HOST = 'is the host operator’s';
const CALLBACK = 'output goes as events, or on the WebSocket';
const CREATE = {
  signal: SIGNAL,
  user: USER,
  workspace: HOST,
  leaseMs: HOST,
  rootfs: HOST,
  uids: HOST,
};
const COMMAND = { signal: SIGNAL, user: USER };
const CALL = { ...COMMAND, onStdout: CALLBACK, onStderr: CALLBACK };

const [startMessage, execMessage, runCodeMessage] = execMessageSchema.options;

type Shape = z.ZodObject;
const faces: [name: string, library: Shape, face: Shape, leftOut: Record<string, string>][] = [
  ['POST /v1/sandboxes', config.createSchema, callerCreateSchema, CREATE],
  ['client.create', config.createSchema, remoteCreateSchema, { ...CREATE, signal: '' }],
  ['network of callers', config.networkSchema, callerNetworkSchema, { ca: HOST, inject: HOST, upstreamProxy: HOST }],
  ['POST exec', config.execSchema, wire.execBody, CALL],
  ['POST run-code', config.runCodeSchema, wire.runCodeBody, CALL],
  ['POST commands', config.spawnSchema, wire.spawnBody, { ...COMMAND, pty: CALLBACK, stdin: CALLBACK }],
  ['WS exec, start', config.spawnSchema, startMessage, { ...COMMAND, stdin: '' }],
  ['WS exec, exec', config.execSchema, execMessage, { ...CALL, stdin: '' }],
  ['WS exec, run-code', config.runCodeSchema, runCodeMessage, { ...CALL, stdin: '' }],
  ['GET files', config.readStreamSchema, wire.readQuery, COMMAND],
  ['PUT files', config.writeSchema, wire.writeQuery, COMMAND],
  ['GET files/list', config.listSchema, wire.listQuery, COMMAND],
  ['GET files/stat', config.statSchema, wire.statQuery, COMMAND],
  ['POST files/mkdir', config.makeDirSchema, wire.makeDirBody, COMMAND],
  ['POST files/rename', config.renameSchema, wire.renameBody, COMMAND],
  ['DELETE files', config.removeSchema, wire.removeQuery, COMMAND],
  ['GET tree', config.archiveSchema, wire.treeQuery, COMMAND],
  ['PUT tree', config.writeArchiveSchema, wire.putTreeQuery, COMMAND],
  ['GET files/diff', config.diffSchema, wire.diffQuery, COMMAND],
];

test.each(faces)('%s takes what the library takes', (_name, library, face, leftOut) => {
  const missing = Object.keys(library.shape).filter((key) => !(key in face.shape));
  expect(missing.sort()).toEqual(
    Object.keys(leftOut)
      .filter((key) => leftOut[key] !== '')
      .sort(),
  );
});
