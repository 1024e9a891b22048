/** Runs all checks of the doctor: engine first, sandbox last. */
import type { Backend } from '../backends/backend.js';
import { check, type Finding, type Status, worst } from '../backends/finding.js';
import { openBackend } from '../backends/open-backend.js';
import { messageOf, RipcordError } from '../base/errors.js';
import { checkImages, checkNode, checkStateDir } from './checks/installation.js';
import { checkLeftovers } from './checks/leftovers.js';
import { probe } from './probe.js';

export interface ExamineOptions {
  docker?: string;
  /** True to create a sandbox and check it from inside. Default true. */
  probe?: boolean;
  /** Image of the probe. Default: one of Ripcord's that exists. */
  image?: string;
  /** Called with each finding as soon as it is made. */
  onFinding?: (finding: Finding) => void;
  signal?: AbortSignal;
}

export interface DoctorReport {
  status: Status;
  /** Address of the engine; `undefined` if none was found. */
  endpoint: string | undefined;
  findings: Finding[];
}

/** Runs the checks. It does not throw if a check fails: a failure is a finding. */
export async function examine(options: ExamineOptions = {}): Promise<DoctorReport> {
  const findings: Finding[] = [];
  const add = (...found: Finding[]) => {
    findings.push(...found);
    for (const finding of found) options.onFinding?.(finding);
  };
  const endpoint = await examineEngine(options, add);
  return { status: worst(findings), endpoint, findings };
}

async function examineEngine(options: ExamineOptions, add: (...found: Finding[]) => void): Promise<string | undefined> {
  let backend: Backend | undefined;
  try {
    backend = await openBackend({ docker: options.docker });
    const { engine, agent, ownKernel } = await backend.examine();
    add(...engine, checkNode());
    const images = backend.images && (await checkImages(backend.images));
    add(agent, ...(images ? [images.finding] : []), await checkStateDir(), await checkLeftovers(backend));
    if (options.probe === false || options.signal?.aborted) return backend.description;
    const image = options.image ?? images?.images.find(({ state }) => state !== 'missing')?.name;
    if (agent.status !== 'ok' || image === undefined) {
      const reason = image === undefined ? 'no image is built' : 'the agent is missing';
      add(check('probe.sandbox', false, { ok: '', bad: `no sandbox can be made: ${reason}`, fix: 'See above.' }));
    } else {
      const { capabilities } = backend;
      await probe({ docker: options.docker, capabilities, image, ownKernel, signal: options.signal }, add);
    }
  } catch (error) {
    if (options.signal?.aborted) return backend?.description;
    const { hint } = error instanceof RipcordError ? error : { hint: undefined };
    add(check('engine.reachable', false, { ok: '', bad: reason(error, backend), fix: hint }));
  } finally {
    backend?.close();
  }
  return backend?.description;
}

function reason(error: unknown, backend: Backend | undefined): string {
  return error instanceof RipcordError || !backend
    ? messageOf(error)
    : `the engine at ${backend.description} does not answer: ${messageOf(error)}`;
}
