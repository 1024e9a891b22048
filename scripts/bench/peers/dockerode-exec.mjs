/** The engine's API for every command in a container that idles: how llm-sandbox drives Docker, by dockerode. */
import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { engine, HARDENED_HOST_CONFIG, LABEL } from './docker.mjs';

export async function open({ image, run }) {
  return {
    name: 'dockerode exec',
    version: createRequire(import.meta.url)('dockerode/package.json').version,
    kind: 'container',
    async open() {
      const container = await idleContainer(image, run, HARDENED_HOST_CONFIG);
      return { exec: (argv) => execIn(container, argv), close: () => container.remove({ force: true }) };
    },
  };
}

/** A plain container that idles. */
export async function idleContainer(image, run, hostConfig = { NetworkMode: 'none' }) {
  const container = await engine().createContainer({
    Image: image,
    Entrypoint: ['sleep', 'infinity'],
    Cmd: [],
    User: hostConfig.ReadonlyRootfs ? '1000:1000' : '0',
    Labels: { [LABEL]: run },
    HostConfig: { Init: true, ...hostConfig },
  });
  await container.start();
  return container;
}

async function execIn(container, argv) {
  const exec = await container.exec({ Cmd: argv, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  container.modem.demuxStream(stream, stdout, stderr);
  stream.on('end', () => void (stdout.end(), stderr.end()));
  const [output, complaint] = await Promise.all([text(stdout), text(stderr)]);
  const { ExitCode } = await exec.inspect();
  if (ExitCode !== 0) throw new Error(`${argv[0]} ended with ${ExitCode}: ${complaint}`);
  return output;
}
