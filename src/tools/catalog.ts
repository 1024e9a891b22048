/** All tools, in the order in which models see them. */
import { diff } from './catalog/diff.js';
import { download } from './catalog/download.js';
import { editFile } from './catalog/edit-file.js';
import { exec } from './catalog/exec.js';
import { fetchPort } from './catalog/fetch-port.js';
import { kill } from './catalog/kill.js';
import { listFiles } from './catalog/list-files.js';
import { readFile } from './catalog/read-file.js';
import { readOutput } from './catalog/read-output.js';
import { runCode } from './catalog/run-code.js';
import { listSandboxes, startSandbox, stopSandbox } from './catalog/sandboxes.js';
import { spawn } from './catalog/spawn.js';
import { writeFile } from './catalog/write-file.js';
import { writeStdin } from './catalog/write-stdin.js';

export const TOOLS = [
  runCode,
  exec,
  spawn,
  readOutput,
  writeStdin,
  kill,
  readFile,
  writeFile,
  editFile,
  listFiles,
  diff,
  download,
  fetchPort,
  startSandbox,
  stopSandbox,
  listSandboxes,
] as const;

export type ToolName = (typeof TOOLS)[number]['name'];
