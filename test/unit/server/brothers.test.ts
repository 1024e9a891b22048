/**
 * The library's faces take every option that the library takes. An option that a face leaves out stands here with the
 * reason. A new option of the library fails here until a face takes it or it is added here.
 */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { remoteCreateSchema } from '../../../src/client/options.js';
import { execSchema, runCodeSchema, spawnSchema } from '../../../src/command/options.js';
import { networkSchema } from '../../../src/egress/options.js';
import {
  archiveSchema,
  diffSchema,
  listSchema,
  makeDirSchema,
  readStreamSchema,
  removeSchema,
  renameSchema,
  statSchema,
  writeArchiveSchema,
  writeSchema,
} from '../../../src/files/options.js';
import { createSchema } from '../../../src/launch/options.js';
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
  ['POST /v1/sandboxes', createSchema, callerCreateSchema, CREATE],
  ['client.create', createSchema, remoteCreateSchema, { ...CREATE, signal: '' }],
  ['network of callers', networkSchema, callerNetworkSchema, { ca: HOST, inject: HOST, upstreamProxy: HOST }],
  ['POST exec', execSchema, wire.execBody, CALL],
  ['POST run-code', runCodeSchema, wire.runCodeBody, CALL],
  ['POST commands', spawnSchema, wire.spawnBody, { ...COMMAND, pty: CALLBACK, stdin: CALLBACK }],
  ['WS exec, start', spawnSchema, startMessage, { ...COMMAND, stdin: '' }],
  ['WS exec, exec', execSchema, execMessage, { ...CALL, stdin: '' }],
  ['WS exec, run-code', runCodeSchema, runCodeMessage, { ...CALL, stdin: '' }],
  ['GET files', readStreamSchema, wire.readQuery, COMMAND],
  ['PUT files', writeSchema, wire.writeQuery, COMMAND],
  ['GET files/list', listSchema, wire.listQuery, COMMAND],
  ['GET files/stat', statSchema, wire.statQuery, COMMAND],
  ['POST files/mkdir', makeDirSchema, wire.makeDirBody, COMMAND],
  ['POST files/rename', renameSchema, wire.renameBody, COMMAND],
  ['DELETE files', removeSchema, wire.removeQuery, COMMAND],
  ['GET tree', archiveSchema, wire.treeQuery, COMMAND],
  ['PUT tree', writeArchiveSchema, wire.putTreeQuery, COMMAND],
  ['GET files/diff', diffSchema, wire.diffQuery, COMMAND],
];

test.each(faces)('%s takes what the library takes', (_name, library, face, leftOut) => {
  const missing = Object.keys(library.shape).filter((key) => !(key in face.shape));
  expect(missing.sort()).toEqual(
    Object.keys(leftOut)
      .filter((key) => leftOut[key] !== '')
      .sort(),
  );
});
