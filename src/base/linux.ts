/** Linux's numbers of errors and signals, which the agent sends. `node:os` has only those of the host's system. */

// Errors that a spawn or a file operation can return. Source: asm-generic/errno-base.h and errno.h; x64 and arm64 have
// the same numbers.
const ERRNO: Record<number, [name: string, text: string]> = {
  1: ['EPERM', 'operation not permitted'],
  2: ['ENOENT', 'no such file or directory'],
  4: ['EINTR', 'interrupted'],
  5: ['EIO', 'input/output error'],
  6: ['ENXIO', 'no such device'],
  7: ['E2BIG', 'too many or too long arguments'],
  8: ['ENOEXEC', 'not an executable format'],
  9: ['EBADF', 'bad file descriptor'],
  11: ['EAGAIN', 'the limit of processes is reached'],
  12: ['ENOMEM', 'out of memory'],
  13: ['EACCES', 'permission denied'],
  14: ['EFAULT', 'bad address'],
  16: ['EBUSY', 'device or resource busy'],
  17: ['EEXIST', 'file exists'],
  18: ['EXDEV', 'leads out of the workspace'],
  20: ['ENOTDIR', 'not a directory'],
  21: ['EISDIR', 'is a directory'],
  22: ['EINVAL', 'invalid argument'],
  23: ['ENFILE', 'too many open files in the system'],
  24: ['EMFILE', 'too many open files'],
  26: ['ETXTBSY', 'the file is being executed'],
  27: ['EFBIG', 'larger than allowed'],
  28: ['ENOSPC', 'no space left'],
  30: ['EROFS', 'the file system is read-only'],
  31: ['EMLINK', 'too many links'],
  32: ['EPIPE', 'broken pipe'],
  36: ['ENAMETOOLONG', 'name too long'],
  38: ['ENOSYS', 'not implemented by this kernel'],
  39: ['ENOTEMPTY', 'directory not empty'],
  40: ['ELOOP', 'too many levels of symbolic links'],
  71: ['EPROTO', 'protocol error'],
  74: ['EBADMSG', 'bad message'],
  75: ['EOVERFLOW', 'value too large'],
  84: ['EILSEQ', 'invalid byte sequence'],
  95: ['EOPNOTSUPP', 'not supported'],
  110: ['ETIMEDOUT', 'timed out'],
  111: ['ECONNREFUSED', 'connection refused'],
  122: ['EDQUOT', 'quota exceeded'],
  125: ['ECANCELED', 'cancelled'],
};

export const errnoName = (errno: number): string => ERRNO[errno]?.[0] ?? `E${errno}`;
export const errnoText = (errno: number): string => ERRNO[errno]?.[1] ?? `error ${errno}`;

// Source: signal(7), the numbers of x86 and ARM.
const SIGNALS = [
  'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGUSR1', 'SIGSEGV',
  'SIGUSR2', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGSTKFLT', 'SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN',
  'SIGTTOU', 'SIGURG', 'SIGXCPU', 'SIGXFSZ', 'SIGVTALRM', 'SIGPROF', 'SIGWINCH', 'SIGIO', 'SIGPWR', 'SIGSYS',
] as const; // biome-ignore format: a table

export const signalName = (number: number): string => SIGNALS[number - 1] ?? `SIG${number}`;
/** Returns the number of a signal such as `SIGTERM`; `undefined` for an unknown name. */
export function signalNumber(name: string): number | undefined {
  const index = (SIGNALS as readonly string[]).indexOf(name);
  return index < 0 ? undefined : index + 1;
}
