/** Explains what to do on a machine without an engine that this set-up may start. */
import { SetupError } from './setup-error.mjs';

/**
 * @param {import('./engine.mjs').Failure[]} failures why each candidate did not answer
 * @param {{ installed: boolean }} facts whether a dockerd is on this machine
 * @returns {SetupError}
 */
export function noEngineError(failures, { installed }) {
  const given = failures.find(({ source }) => source === 'DOCKER_HOST');
  if (given) {
    return new SetupError(`DOCKER_HOST is ${given.endpoint}, and no engine answers there: ${reason(given.error)}.`, {
      hint: 'Start that engine, correct the variable, or `unset DOCKER_HOST` to use the one of this machine.',
    });
  }
  const denied = failures.find(({ error }) => error.code === 'EACCES' || error.code === 'EPERM');
  if (denied) {
    return new SetupError(`A Docker engine is there (${denied.source}), but this user may not use it.`, {
      hint: [
        'Either become a member of the docker group, then log in again:',
        '    sudo usermod -aG docker "$USER"',
        'or run a rootless engine of your own: https://docs.docker.com/engine/security/rootless/',
        'Members of the docker group can become root on this machine; the rootless engine avoids that.',
      ].join('\n'),
    });
  }
  const tried = failures.map(({ source, error }) => `${source} (${reason(error)})`);
  const message = `No Docker engine answers on this machine${tried.length > 0 ? `: ${tried.join(', ')}` : ''}.`;
  return new SetupError(message, { hint: installHint(installed) });
}

/** @param {NodeJS.ErrnoException} error */
function reason(error) {
  const words = {
    ENOENT: 'no such socket',
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'no such host',
    EAI_AGAIN: 'no such host',
    EHOSTUNREACH: 'host unreachable',
    ETIMEDOUT: 'no answer',
  };
  return words[/** @type {keyof typeof words} */ (error.code ?? '')] ?? error.message;
}

/** @param {boolean} installed */
function installHint(installed) {
  if (process.platform === 'darwin') {
    return 'Start Docker Desktop, OrbStack, Colima (`brew install colima docker && colima start`) or Rancher Desktop, then run this again.';
  }
  if (process.platform === 'win32') {
    return 'Start Docker Desktop (https://docs.docker.com/desktop/), or run this inside WSL 2 with Docker, then run this again.';
  }
  if (installed) {
    const command = process.getuid?.() === 0 ? 'npm run engine:start' : 'sudo systemctl start docker';
    return `Docker is installed but not running. Start it, then run this again:\n    ${command}`;
  }
  return [
    'Install and start one, then run this again. On Debian and Ubuntu:',
    '    sudo apt-get install docker.io && sudo usermod -aG docker "$USER"      # then log in again',
    'Elsewhere: https://docs.docker.com/engine/install/. As root on Debian or Ubuntu this command does it by itself.',
  ].join('\n');
}
