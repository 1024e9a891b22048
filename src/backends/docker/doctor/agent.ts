import { architectureOf } from '../../../base/architecture.js';
import { messageOf, RipcordError } from '../../../base/errors.js';
import { check, type Finding } from '../../finding.js';
import { loadAgent } from '../agent-volume.js';

/** Checks the binary that becomes PID 1 of every sandbox. */
export function checkAgent(architecture: string): Finding {
  const arch = architectureOf(architecture);
  if (!arch) {
    return check('ripcord.agent', false, {
      ok: '',
      bad: `no agent for engines on ${architecture || 'an unknown processor'}`,
      fix: 'Use an engine on amd64 or arm64.',
    });
  }
  try {
    const bytes = loadAgent(arch).files.reduce((sum, { content }) => sum + content.length, 0);
    return check('ripcord.agent', true, { ok: `agent for ${arch}, ${Math.ceil(bytes / 1024)} KiB`, bad: '' });
  } catch (error) {
    const hint = error instanceof RipcordError ? error.hint : undefined;
    return check('ripcord.agent', false, { ok: '', bad: messageOf(error), fix: hint });
  }
}
