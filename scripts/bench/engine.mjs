/** The other ways to do it, which Ripcord is measured against: dockerode's exec and the docker CLI. */
import { spawn, spawnSync } from 'node:child_process';
import Docker from 'dockerode';

export const docker = new Docker();

/** The flags that make `docker run` as hard as a default sandbox. */
export const HARDENED = [
  '--network=none', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--memory=512m',
  '--memory-swap=512m', '--cpus=1', '--pids-limit=256', '--ipc=private', '--log-driver=none', '--user=1000:1000',
  '--tmpfs=/workspace:rw,exec,nosuid,nodev,size=256m', '--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=51m',
]; // biome-ignore format: a list

export const hasCli = spawnSync('docker', ['version'], { stdio: 'ignore' }).status === 0;

/** Runs the docker CLI to its end; throws with its stderr when it fails. */
export function cli(args, { input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', args, { stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(stdout) : reject(new Error(`docker ${args[0]}: ${stderr}`))));
    if (input) child.stdin.end(input);
  });
}

/** A plain container that idles, for exec and cp; removed by what it returns. */
export async function idleContainer(image, hostConfig = {}) {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ['sleep', '3600'],
    Cmd: [],
    User: '0',
    Labels: { 'ripcord.bench': '1' },
    HostConfig: { AutoRemove: true, NetworkMode: 'none', Init: true, ...hostConfig },
  });
  await container.start();
  return { container, remove: () => container.remove({ force: true }) };
}

/** One `docker exec` by dockerode, output read to its end. */
export async function dockerodeExec(container, argv) {
  const exec = await container.exec({ Cmd: argv, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true });
  stream.resume();
  await new Promise((resolve) => stream.on('end', resolve));
  return exec.inspect();
}
