/** Everything the doctor looks at, in the order a person would. */
import { DockerBackend } from '../backends/docker/docker-backend.js';
import { messageOf, RipcordError } from '../base/errors.js';
import { checkAgent, checkImages, checkNode, checkStateDir } from './checks/installation.js';
import { checkIsolation } from './checks/isolation.js';
import { checkLeftovers } from './checks/leftovers.js';
import { checkLimits } from './checks/limits.js';
import { checkVersions } from './checks/versions.js';
import { describeEngine, type EngineDescription } from './engine-info.js';
import { check, type Finding, type Status, worst } from './finding.js';
import { probe } from './probe.js';

export interface ExamineOptions {
  docker?: string;
  /** Make a sandbox and look from inside. Default true. */
  probe?: boolean;
  /** The probe's image. Default: one of ours that is there. */
  image?: string;
  /** Called with each finding as it is made. */
  onFinding?: (finding: Finding) => void;
  signal?: AbortSignal;
}

export interface DoctorReport {
  status: Status;
  /** Where the engine is; `undefined` when none was found. */
  endpoint: string | undefined;
  findings: Finding[];
}

/** Never throws for what it finds; a failure is a finding. */
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
  let backend: DockerBackend | undefined;
  try {
    backend = DockerBackend.open(options.docker);
    const engine = await describeEngine(backend);
    add(...describe(backend, engine), ...checkLimits(engine.info), ...checkIsolation(engine.info), checkNode());
    const agent = checkAgent((engine.version as { Arch?: string }).Arch ?? '');
    const { finding, images } = await checkImages(backend);
    add(agent, finding, await checkStateDir(), await checkLeftovers(backend));
    if (options.probe === false || options.signal?.aborted) return backend.description;
    const image = options.image ?? images.find(({ state }) => state !== 'missing')?.name;
    if (agent.status !== 'ok' || image === undefined) {
      const reason = image === undefined ? 'no image is built' : 'the agent is missing';
      add(check('probe.sandbox', false, { ok: '', bad: `no sandbox can be made: ${reason}`, fix: 'See above.' }));
    } else {
      const { KernelVersion = '', Runtimes = {} } = engine.info;
      const gVisorBeside = Object.hasOwn(Runtimes, 'runsc') ? KernelVersion : undefined;
      await probe({ docker: options.docker, local: backend.local, image, gVisorBeside, signal: options.signal }, add);
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

function describe(backend: DockerBackend, engine: EngineDescription): Finding[] {
  const { OperatingSystem: os, KernelVersion: kernel, NCPU: cpus, MemTotal: memory } = engine.info;
  const machine = [
    os,
    kernel && `Linux ${kernel}`,
    cpus && `${cpus} CPUs`,
    memory && `${Math.round(memory / 1024 ** 3)} GiB`,
  ];
  return [
    check('engine.reachable', true, {
      ok: `${backend.description}, API ${engine.version.ApiVersion}${backend.local ? '' : ' (not on this machine)'}`,
      bad: '',
    }),
    check('engine.machine', true, { ok: machine.filter(Boolean).join(', '), bad: '' }),
    ...checkVersions(engine),
  ];
}

function reason(error: unknown, backend: DockerBackend | undefined): string {
  return error instanceof RipcordError || !backend
    ? messageOf(error)
    : `the engine at ${backend.description} does not answer: ${messageOf(error)}`;
}
