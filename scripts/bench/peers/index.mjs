/**
 * The other ways to run untrusted code, behind one interface. What cannot be had here is skipped, with a line that says
 * why.
 *
 * @typedef {object} Box a sandbox of a peer that runs
 * @property {(argv: string[]) => Promise<string>} exec runs to its end; stdout. Throws when it fails
 * @property {() => Promise<unknown>} close resolves when it is gone
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} version
 * @property {'container' | 'process' | 'bare'} kind what the code runs in
 * @property {(argv: string[], onOutput?: () => void) => Promise<string>} once a fresh one, the program, gone again
 * @property {() => Promise<Box>} [open] one that stays
 */

const MODULES = [
  'docker-run',
  'docker-exec',
  'dockerode-exec',
  'testcontainers',
  'openai-agents',
  'bubblewrap',
  'plain-host',
  'plain-image',
];

/**
 * @param {import('../bench-context.mjs').BenchContext} context
 * @returns {Promise<{ peers: Peer[], skipped: string[] }>}
 */
export async function openPeers(context) {
  const peers = [];
  const skipped = [];
  for (const module of MODULES) {
    try {
      const { open } = await import(`./${module}.mjs`);
      const peer = await open(context);
      peers.push({ once: peer.open && onceBy(peer.open), ...peer });
    } catch (error) {
      skipped.push(`${module}: ${error.message.split('\n')[0]}`);
    }
  }
  return { peers, skipped };
}

/** How a peer whose sandboxes stay runs one program. */
export function onceBy(open) {
  return async (argv, onOutput) => {
    const box = await open();
    try {
      const output = await box.exec(argv);
      onOutput?.();
      return output;
    } finally {
      await box.close();
    }
  };
}
