/**
 * Creates containers from specifications: create, attach, start. If the engine refuses an optional part, it starts
 * again without that part.
 */
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { abortable, throwIfAborted } from '../../base/abort.js';
import type { RipcordError } from '../../base/errors.js';
import type { Container, ContainerSpec, LaunchOptions } from '../backend.js';
import { AttachTransport } from './attach-transport.js';
import { containerConfig } from './container-config.js';
import { type EngineCalls, timed } from './engine-calls.js';
import { explainCreate } from './explain-create.js';

/** Functions of the engine that a launcher needs. */
export interface Engine {
  docker: Docker;
  calls: EngineCalls;
  /** Returns the number of CPUs of the engine's machine. */
  cpus(): number;
  /** Returns the name of the volume that holds the agent. */
  agentVolume(): string;
  /** Fills that volume again. */
  repairAgent(): Promise<void>;
  remove(name: string): Promise<void>;
}

/**
 * Maximum number of retries. An engine can refuse socket sizes, refuse host files, and lack the agent: each causes one
 * retry.
 */
const REFUSALS = 3;

export class ContainerLauncher {
  readonly #engine: Engine;
  /** Runtimes that refused to set the sizes of socket buffers. */
  readonly #withoutSysctls = new Set<string | undefined>();
  /** False if the engine cannot mount files of this machine because it runs in another mount namespace. */
  #seesFiles = true;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async launch(spec: ContainerSpec, options: LaunchOptions): Promise<Container> {
    const { signal, onSettled } = options;
    let starting: Promise<void> = Promise.resolve();
    const attempt = new Attempt(spec, options, (started) => {
      starting = started;
    });
    try {
      for (let left = REFUSALS; ; left--) {
        try {
          return await attempt.run(this.#engine, this.#config(spec));
        } catch (error) {
          if (left === 0 || signal?.aborted || !(await this.#canDoWithout(error as RipcordError, spec))) throw error;
          attempt.disconnect();
          await this.#engine.remove(spec.name);
        }
      }
    } finally {
      // Wait for the start even after an abort: the abort does not stop the engine.
      void starting.then(onSettled, onSettled);
    }
  }

  #config(spec: ContainerSpec): Docker.ContainerCreateOptions {
    return containerConfig(spec, this.#engine.agentVolume(), {
      sysctls: !this.#withoutSysctls.has(spec.runtime),
      userFiles: this.#seesFiles,
      machineCpus: this.#engine.cpus(),
    });
  }

  /** Resolves to true if another attempt may succeed. The refused part is left out from now on. */
  async #canDoWithout({ code, details }: RipcordError, spec: ContainerSpec): Promise<boolean> {
    // The volume exists but is empty: the process that was filling it died, or is still filling it.
    if (code === 'agent-missing') await this.#engine.repairAgent();
    else if (details?.withoutSysctls) this.#withoutSysctls.add(spec.runtime);
    else if (details?.withoutUserFiles) this.#seesFiles = false;
    else return false;
    return true;
  }
}

class Attempt {
  readonly #spec: ContainerSpec;
  readonly #options: LaunchOptions;
  readonly #onStarting: (started: Promise<void>) => void;
  #pipe: AttachTransport | undefined;

  constructor(spec: ContainerSpec, options: LaunchOptions, onStarting: (started: Promise<void>) => void) {
    this.#spec = spec;
    this.#options = options;
    this.#onStarting = onStarting;
  }

  async run(engine: Engine, config: Docker.ContainerCreateOptions): Promise<Container> {
    const { signal, onPipe } = this.#options;
    // This call is never aborted: a container can only be removed reliably after its creation was answered.
    const container = await this.#step(engine, 'creating a container', (abortSignal) => {
      const { name, ...body } = config;
      // Pass the name separately: otherwise dockerode puts all options into the URL, which proxies refuse for its
      // length (431, 414).
      const apart = { _query: { name }, _body: body, abortSignal };
      return engine.docker.createContainer(apart as Docker.ContainerCreateOptions);
    });
    throwIfAborted(signal, 'attaching to the container');
    this.#pipe = await attach(engine, container);
    onPipe(this.#pipe);
    throwIfAborted(signal, 'starting the container');
    const started = this.#step(engine, 'starting a container', (abortSignal) => container.start({ abortSignal }));
    this.#onStarting(started);
    await abortable(started, signal, 'starting the container');
    return { id: container.id, name: this.#spec.name };
  }

  disconnect(): void {
    this.#pipe?.destroy();
    this.#pipe = undefined;
  }

  #step<T>(engine: Engine, what: string, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    return engine.calls
      .once(what, () => timed(call, this.#options.deadlineMs))
      .catch((error) => {
        throw explainCreate(error, this.#spec);
      });
  }
}

async function attach({ calls }: Engine, container: Docker.Container): Promise<AttachTransport> {
  const socket = await calls.once('attaching to a container', () =>
    timed((abortSignal) =>
      container.attach({
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        // Without hijack, closing the host's side of the connection loses output that is still in transit.
        hijack: true,
        abortSignal,
      }),
    ),
  );
  return new AttachTransport(socket as unknown as Duplex);
}
