/**
 * The closed list of error codes, with the meaning of each and its remedy. Codes are stable: a new one may be added, none is renamed.
 * `docs/reference/errors.md` is generated from it.
 */

interface CodeEntry {
  meaning: string;
  /** Advice for a person or a program. The error's own `hint` is more exact where it has one. */
  remedy: string;
}

/** Codes of the library, whatever was called. */
export const LIBRARY_CODES = {
  aborted: {
    meaning: 'The AbortSignal of the call fired. `cause` is its reason, `partial` the result known by then.',
    remedy: 'Nothing: the caller asked for it. The process tree is dead.',
  },
  'invalid-options': {
    meaning: 'An option or argument is unknown, missing, misspelt or out of range. The message names it.',
    remedy: 'Correct the call.',
  },
  'engine-not-found': {
    meaning: 'No container engine was found at any usual address.',
    remedy: 'Start Docker, or set DOCKER_HOST or the option `docker`.',
  },
  'engine-unreachable': {
    meaning: 'The engine at the given address does not answer.',
    remedy: 'Check the address, and that the engine runs there.',
  },
  'engine-permission': {
    meaning: 'This user may not use the socket of the engine.',
    remedy: 'Join the group `docker`, or use a rootless engine.',
  },
  'engine-lost': {
    meaning: 'The engine stopped answering during the call.',
    remedy: 'Check the engine, then open a new manager. Sandboxes remove themselves.',
  },
  'engine-error': {
    meaning: 'The engine refused a request.',
    remedy: 'Read its message; `ripcord doctor` checks the engine.',
  },
  'endpoint-invalid': {
    meaning: 'The address of the engine, or a setting that belongs to it, is not valid.',
    remedy: 'Correct DOCKER_HOST, the docker context or the option `docker`.',
  },
  'runtime-not-found': {
    meaning: 'The engine has no OCI runtime of that name.',
    remedy: 'Install it and name it in the daemon.json of the engine, or leave out `runtime`.',
  },
  'image-not-found': {
    meaning: 'The engine does not have the image.',
    remedy: 'Build it with `ripcord images build`, or pull it.',
  },
  'image-build-failed': {
    meaning: 'The build of an image failed.',
    remedy: 'Read the output of the build in the message.',
  },
  'agent-missing': {
    meaning: 'The package does not contain an agent for the architecture of the engine.',
    remedy: 'Install the package again; in a clone, run `npm run build:agent`.',
  },
  'package-incomplete': {
    meaning: 'Files of the package are missing beside the code, for example after bundling.',
    remedy: 'Mark ripcord-sandbox as external in the bundler.',
  },
  'agent-unsafe': {
    meaning: 'On this kernel root in a sandbox could take over its agent, so the command was refused.',
    remedy: 'Run the command as another user, or use the runtime runc.',
  },
  'create-failed': {
    meaning: 'The sandbox could not be started.',
    remedy: 'Read the message; `ripcord doctor` checks the engine.',
  },
  protocol: {
    meaning: 'The agent of a sandbox broke the protocol. The sandbox is ended.',
    remedy: 'Create a new sandbox. With trusted code in it, report a bug.',
  },
  'sandbox-lost': {
    meaning:
      'The sandbox ended without a call of `close()`: its lifetime, its lease, a kill from outside, a broken pipe.',
    remedy: 'Create a new sandbox; raise `lifetimeMs` or call `extend()` if it lived too short.',
  },
  'sandbox-closed': { meaning: 'The sandbox was closed before the call.', remedy: 'Create a new sandbox.' },
  'manager-closed': { meaning: 'The manager was closed before the call.', remedy: 'Open a new manager.' },
  'command-failed': {
    meaning: 'A command that Ripcord itself needed in the sandbox failed, for example a test runner.',
    remedy: 'Read the message; the image may lack a program.',
  },
  'language-unknown': {
    meaning: 'No language has that name.',
    remedy: 'Use `python`, `javascript`, `typescript` or `bash`.',
  },
  'teardown-incomplete': {
    meaning: 'A container, volume or directory could not be removed.',
    remedy: 'Run `ripcord sweep` when the engine answers again.',
  },
  'state-dir-unsafe': {
    meaning: 'The state directory does not belong to this user, or cannot be made.',
    remedy: 'Remove it, or set RIPCORD_STATE_DIR.',
  },
  'seed-invalid': {
    meaning: 'The seed of a workspace has a file that cannot be taken over, or an ignore file that cannot be read.',
    remedy: 'Correct or ignore the file that the message names.',
  },
  'archive-invalid': {
    meaning: 'An archive is damaged, forged or has an entry that is refused.',
    remedy: 'Check its origin.',
  },
  'time-limit': {
    meaning: 'A function of an executor passed its time limit.',
    remedy: 'Raise the limit in `timeouts`.',
  },
  'result-invalid': {
    meaning: 'A function of an executor returned a value that does not match.',
    remedy: 'Correct the function, or its schema in `schemas`.',
  },
  'port-refused': {
    meaning: 'Nothing listens on that port in the sandbox.',
    remedy: 'Start the server, and wait for it with `ports.waitFor()`.',
  },
} as const satisfies Record<string, CodeEntry>;

/** Codes of {@link FileError}: a file operation inside a sandbox, or on the host's side of a transfer. */
export const FILE_CODES = {
  'file-not-found': { meaning: 'No file has that path.', remedy: 'Check the path with `files.list()`.' },
  'file-exists': { meaning: 'The path exists already.', remedy: 'Choose another path, or allow replacing it.' },
  'is-a-directory': { meaning: 'The path is a directory, and a file is needed.', remedy: 'Name the file.' },
  'not-a-directory': { meaning: 'A part of the path is not a directory.', remedy: 'Correct the path.' },
  'not-a-regular-file': {
    meaning: 'The path is a device, socket or pipe.',
    remedy: 'Use a command to read or write it.',
  },
  'directory-not-empty': { meaning: 'The directory has entries.', remedy: 'Use `recursive: true`.' },
  'permission-denied': {
    meaning: 'The user may not access the path, or the file system is read-only.',
    remedy: 'Use another `user`, or a path in the workspace.',
  },
  'outside-workspace': {
    meaning: 'A path or link leads out of the directory.',
    remedy: 'Use a path inside, or `keepLinks` for archives.',
  },
  'file-too-large': { meaning: 'More bytes than `maxBytes` allows.', remedy: 'Raise `maxBytes`, or read a part.' },
  'too-many-entries': {
    meaning: 'More entries than `maxEntries` allows.',
    remedy: 'Raise `maxEntries`, or ignore some.',
  },
  'no-space': {
    meaning: 'The file system is full, or has no inodes left.',
    remedy: 'Raise `limits.workspace` or `limits.files`.',
  },
  'name-too-long': { meaning: 'A name or path is longer than the kernel allows.', remedy: 'Choose a shorter one.' },
  'incomplete-write': {
    meaning: 'The source of a write ended early. The file keeps its old content, if it was written atomically.',
    remedy: 'Write it again.',
  },
  'file-error': { meaning: 'Another error of the kernel. `errno` has its name.', remedy: 'Look the errno up.' },
} as const satisfies Record<string, CodeEntry>;

/** Codes of CommitError: a commit did not happen, or could not be undone. */
export const COMMIT_CODES = {
  'commit-conflict': {
    meaning: 'The target is not as the sandbox began. Nothing was written.',
    remedy: 'Run the task on the files as they are now, or merge by hand.',
  },
  'commit-flagged': {
    meaning: 'Changed files can run programs on the host, and are not allowed. Nothing was written.',
    remedy: 'Read them, then allow them with `allow` or `allowRules`.',
  },
  'commit-refused': {
    meaning: 'A change must not be written to the target at all. Nothing was written.',
    remedy: "Leave it out with `ignore`, or with `onRefused: 'report'`.",
  },
  'commit-busy': {
    meaning: 'Another commit to the same target is under way.',
    remedy: 'Wait, or raise `lockTimeoutMs`.',
  },
  'commit-blocked': {
    meaning: 'A commit failed, and could not be undone yet. No file is lost.',
    remedy: 'Free disk space and check permissions, then run `ripcord apply --recover`.',
  },
  'commit-journal-invalid': {
    meaning: 'The journal of a commit in `.ripcord` is damaged, or was not written by this user.',
    remedy: 'Look at `.ripcord` in the target, then remove it.',
  },
  'commit-plan-invalid': {
    meaning: 'A saved plan cannot be read, or holds an entry that cannot be committed.',
    remedy: 'Save the plan again with `ripcord diff --save`.',
  },
  'workspace-changed': {
    meaning: 'Files of the result changed after the commit was planned.',
    remedy: 'Stop the commands that still run in the sandbox, then plan again.',
  },
} as const satisfies Record<string, CodeEntry>;

/** Codes that only a server, or the client of one, has. */
export const SERVER_CODES = {
  malformed: { meaning: 'A request or message is not valid HTTP or JSON.', remedy: 'Correct the client.' },
  unauthorized: { meaning: 'The token is missing or wrong.', remedy: 'Send `Authorization: Bearer <token>`.' },
  'token-in-url': {
    meaning: 'A URL contains a token.',
    remedy: 'Send it as a header, and replace the token.',
  },
  'host-refused': {
    meaning: 'The Host header names a host that the server does not serve (DNS rebinding).',
    remedy: 'Start the server with the name in `hosts`.',
  },
  'origin-refused': {
    meaning: 'A page of another origin sent the request.',
    remedy: "Call from the server's own pages.",
  },
  forbidden: {
    meaning: 'The operator of the server does not allow it.',
    remedy: 'Ask the operator; the message names the option.',
  },
  'not-found': { meaning: 'No such route, sandbox, command, task or event.', remedy: 'Check the id.' },
  conflict: { meaning: 'The id is in use, or the object is not in a fitting state.', remedy: 'Choose another id.' },
  'too-large': { meaning: 'A body or message is larger than the server accepts.', remedy: 'Use the streaming route.' },
  'media-type': { meaning: 'The body has another type than JSON.', remedy: 'Send `content-type: application/json`.' },
  'too-slow': { meaning: 'The request did not arrive in time.', remedy: 'Send it faster, or raise `patience`.' },
  quota: {
    meaning: 'The token has as many open as it may have.',
    remedy: 'Close some, or raise the limit of `callers`.',
  },
  draining: { meaning: 'The server is stopping.', remedy: 'Call again when it has started.' },
  unreachable: {
    meaning: 'No server answers, or its connection broke.',
    remedy: 'Start one with `ripcord serve`, and check the address.',
  },
  internal: { meaning: 'The server failed for an unforeseen reason.', remedy: "Read the server's log." },
} as const satisfies Record<string, CodeEntry>;

export type LibraryErrorCode = keyof typeof LIBRARY_CODES;
export type FileErrorCode = keyof typeof FILE_CODES;
export type CommitErrorCode = keyof typeof COMMIT_CODES;
export type ServerErrorCode = keyof typeof SERVER_CODES;
