// A root for the agent as an engine gives it one: read-only but for a few tmpfs mounts, with namespaces of its own.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Mounted from the host, read-only. */
const HOST = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'etc', 'dev'];

const SCRIPT = `
set -e
root=$1 helpers=$2 more=$3
shift 3
mount -t tmpfs -o mode=755 root "$root"
cd "$root"
mkdir -p proc work scratch shm queues old run/ripcord ".$helpers"
for name in ${HOST.join(' ')}; do
  if [ -L "/$name" ]; then cp -P "/$name" "$name"
  elif [ -d "/$name" ]; then mkdir "$name"; mount --bind "/$name" "$name"; mount -o remount,bind,ro "$name"
  fi
done
mount --bind "$helpers" ".$helpers"
mount -o remount,bind,ro ".$helpers"
mount -t proc proc proc
mount -t tmpfs -o mode=755,uid=1000,gid=1000,size=64m,nr_inodes=30000 work work
mount -t tmpfs -o mode=1777,size=16m scratch scratch
mount -t tmpfs -o mode=1777,size=16m shm shm
mount -t tmpfs -o mode=755,size=16m programs run/ripcord
eval "$more"
mount -o remount,ro,bind .
pivot_root . old
cd /
umount -l old
exec "$@"
`;

/**
 * Returns a wrapper for `AgentOptions.wrapper`. The workspace is /work, and /scratch, /shm and /queues (an mqueue) may be written to.
 *
 * @param directory of the suite, which is seen at the same path
 * @param more shell text, run in the future root before it is closed; an mqueue is to be mounted at queues
 */
export function agentRoot(directory: string, more: string): string[] {
  const root = join(directory, 'root');
  mkdirSync(root, { recursive: true });
  return ['unshare', '--net', '--ipc', '--uts', 'sh', '-c', SCRIPT, 'sh', root, directory, more];
}
