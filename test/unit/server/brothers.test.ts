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
import * as commands from '../../../src/wire/commands.js';
import * as files from '../../../src/wire/files.js';
import { callerCreateSchema, callerNetworkSchema } from '../../../src/wire/sandboxes.js';

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

type Shape = z.ZodObject;
const faces: [name: string, library: Shape, face: Shape, leftOut: Record<string, string>][] = [
  ['POST /v1/sandboxes', createSchema, callerCreateSchema, CREATE],
  ['client.create', createSchema, remoteCreateSchema, { ...CREATE, signal: '' }],
  ['network of callers', networkSchema, callerNetworkSchema, { ca: HOST, inject: HOST, upstreamProxy: HOST }],
  ['POST exec', execSchema, commands.execBody, CALL],
  ['POST run-code', runCodeSchema, commands.runCodeBody, CALL],
  ['POST commands', spawnSchema, commands.spawnBody, { ...COMMAND, pty: CALLBACK, stdin: CALLBACK }],
  ['WS exec, start', spawnSchema, commands.startMessage, { ...COMMAND, stdin: '' }],
  ['WS exec, exec', execSchema, commands.execMessage, { ...CALL, stdin: '' }],
  ['WS exec, run-code', runCodeSchema, commands.runCodeMessage, { ...CALL, stdin: '' }],
  ['GET files', readStreamSchema, files.readQuery, COMMAND],
  ['PUT files', writeSchema, files.writeQuery, COMMAND],
  ['GET files/list', listSchema, files.listQuery, COMMAND],
  ['GET files/stat', statSchema, files.statQuery, COMMAND],
  ['POST files/mkdir', makeDirSchema, files.makeDirBody, COMMAND],
  ['POST files/rename', renameSchema, files.renameBody, COMMAND],
  ['DELETE files', removeSchema, files.removeQuery, COMMAND],
  ['GET tree', archiveSchema, files.treeQuery, COMMAND],
  ['PUT tree', writeArchiveSchema, files.putTreeQuery, COMMAND],
  ['GET files/diff', diffSchema, files.diffQuery, COMMAND],
];

test.each(faces)('%s takes what the library takes', (_name, library, face, leftOut) => {
  const missing = Object.keys(library.shape).filter((key) => !(key in face.shape));
  expect(missing.sort()).toEqual(
    Object.keys(leftOut)
      .filter((key) => leftOut[key] !== '')
      .sort(),
  );
});
