/** Makes containers from specifications: creates, attaches, starts, and begins anew without the parts that the engine refuses. */
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { abortable, throwIfAborted } from '../../base/abort.js';
import type { RipcordError } from '../../base/errors.js';
import type { Container, ContainerSpec, LaunchOptions } from '../backend.js';
import { AttachTransport } from './attach-transport.js';
import { containerConfig } from './container-config.js';
import { type EngineCalls, timed } from './engine-calls.js';
import { explainCreate } from './explain-create.js';

/** The engine's part of a launcher. */
export interface Engine {
  docker: Docker;
  calls: EngineCalls;
  /** CPUs of its machine. */
  cpus(): number;
  /** The volume that holds the agent. */
  agentVolume(): string;
  /** Fills that volume again. */
  repairAgent(): Promise<void>;
  remove(name: string): Promise<void>;
}

/** An engine can refuse socket sizes and files of this machine, and lack the agent: each is tried without once. */
const REFUSALS = 3;

export class ContainerLauncher {
  readonly #engine: Engine;
  /** Runtimes that have refused to set the sizes of socket buffers. */
  readonly #withoutSysctls = new Set<string | undefined>();
  /** Whether it can mount files of this machine: not where it runs in another mount namespace. */
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
      // An abort does not stop the engine from starting it.
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

  /** Resolves to whether another attempt may succeed: without the refused part, which is left out from now on. */
  async #canDoWithout({ code, details }: RipcordError, spec: ContainerSpec): Promise<boolean> {
    // The volume exists but is empty: the process that was filling it died, or is at it right now.
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
    // Never cut short: only a container whose creation was answered can be removed for certain.
    const container = await this.#step(engine, 'creating a container', (abortSignal) => {
      const { name, ...body } = config;
      // Apart, or dockerode puts all of it into the URL as well, which proxies refuse for its length (431, 414).
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
        // Without it, closing our side of the connection loses the output that is still on its way.
        hijack: true,
        abortSignal,
      }),
    ),
  );
  return new AttachTransport(socket as unknown as Duplex);
}
