/** The Docker sandbox of OpenAI's Agents SDK for TypeScript, as it comes: `docker exec` of a shell line for every command. */
import { cliVersion, LABEL } from './docker.mjs';

/** Past this its `exec` returns without the rest of the output. */
const PATIENCE_MS = 60_000;

export async function open({ image, run, packages }) {
  await cliVersion();
  const { module, version } = await packages.load('@openai/agents', 'sandbox/local');
  const { module: manifests } = await packages.load('@openai/agents', 'sandbox');
  const client = new module.DockerSandboxClient({ image, networkMode: 'none', labels: { [LABEL]: run } });
  return {
    name: 'OpenAI Agents SDK',
    version,
    kind: 'container',
    async open() {
      const session = await client.create({ manifest: new manifests.Manifest({}) });
      return {
        async exec(argv) {
          const cmd = argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
          const { exitCode, stdout, stderr } = await session.exec({ cmd, login: false, yieldTimeMs: PATIENCE_MS });
          if (exitCode !== 0) throw new Error(`${argv[0]} ended with ${exitCode}: ${stderr}`);
          return stdout;
        },
        close: () => session.close(),
      };
    },
  };
}
