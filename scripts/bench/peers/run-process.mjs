/** Runs a program of this machine to its end. */
import { spawn } from 'node:child_process';

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ onOutput?: () => void }} [options] `onOutput` is called at the first byte
 * @returns {Promise<string>} stdout
 */
export function runProcess(command, args, { onOutput } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    if (onOutput) child.stdout.once('data', onOutput);
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args[0]} ended with ${code}: ${stderr.trim().slice(-500)}`));
    });
  });
}
