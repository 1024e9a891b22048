/** Ripcord behind the peers' interface. */

/** A fresh sandbox for every program, gone and verified at the end. */
export function freshSandboxes(manager, options = {}) {
  return async (argv, onOutput) => {
    const sandbox = await manager.create({ image: 'python', ...options });
    try {
      const output = await execIn(sandbox, argv);
      onOutput?.();
      const { container } = await sandbox.close();
      if (!container.verifiedAbsent) throw new Error('not gone');
      return output;
    } finally {
      await sandbox.close();
    }
  };
}

/** stdout of a command; throws when it fails. */
export async function execIn(sandbox, argv) {
  return outputOf(await sandbox.exec(argv));
}

export function outputOf({ outcome, exitCode, stdout, stderr }) {
  if (exitCode !== 0) throw new Error(`${outcome} with ${exitCode}: ${stderr.trim().slice(-500)}`);
  return stdout;
}
