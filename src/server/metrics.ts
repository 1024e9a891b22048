/** Metrics for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isClean } from '../cleanup/receipt.js';
import type { ManagerEvent } from '../sandbox/events.js';
import type { SandboxManager } from '../sandbox/sandbox-manager.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #commands: Counter<'outcome'>;
  readonly #commandSeconds: Histogram<never>;
  readonly #created: Histogram<never>;
  readonly #ended: Counter<'how'>;
  readonly #leftovers: Counter<never>;
  readonly #egress: Counter<'verdict'>;
  readonly sockets: Gauge<'route'>;

  constructor(manager: SandboxManager, runningTasks: () => number) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Histogram({
      name: 'ripcord_http_request_seconds',
      help: 'Requests answered, by route and status',
      labelNames: ['method', 'route', 'status'],
      buckets: SECONDS,
      registers,
    });
    this.#commands = new Counter({
      name: 'ripcord_commands_total',
      help: 'Commands that ended, by outcome',
      labelNames: ['outcome'],
      registers,
    });
    this.#commandSeconds = new Histogram({
      name: 'ripcord_command_seconds',
      help: 'Duration of commands inside their sandbox',
      buckets: SECONDS,
      registers,
    });
    this.#created = new Histogram({
      name: 'ripcord_sandbox_create_seconds',
      help: 'Time to create a sandbox, until its agent is ready',
      buckets: SECONDS,
      registers,
    });
    this.#ended = new Counter({
      name: 'ripcord_sandboxes_ended_total',
      help: 'Sandboxes that were closed, were lost, or failed to start',
      labelNames: ['how'],
      registers,
    });
    this.#leftovers = new Counter({
      name: 'ripcord_teardown_incomplete_total',
      help: 'Sandboxes whose teardown could not be verified',
      registers,
    });
    this.#egress = new Counter({
      name: 'ripcord_egress_total',
      help: 'Connections out of sandboxes, by verdict',
      labelNames: ['verdict'],
      registers,
    });
    this.sockets = new Gauge({
      name: 'ripcord_websockets',
      help: 'Open WebSockets, by route',
      labelNames: ['route'],
      registers,
    });
    new Gauge({
      name: 'ripcord_sandboxes',
      help: 'Open sandboxes',
      registers,
      collect() {
        this.set(manager.list().length);
      },
    });
    new Gauge({
      name: 'ripcord_tasks_running',
      help: 'Running tasks',
      registers,
      collect() {
        this.set(runningTasks());
      },
    });
  }

  answered(method: string, route: string, status: number, ms: number): void {
    this.#requests.observe({ method, route, status: String(status) }, ms / 1000);
  }

  /** Updates the metrics. The server calls it with each event of the manager. */
  follow(event: ManagerEvent): void {
    switch (event.type) {
      case 'sandbox.created':
        this.#created.observe(event.durationMs / 1000);
        return;
      case 'sandbox.failed':
        this.#ended.inc({ how: 'failed' });
        return;
      case 'sandbox.lost':
        this.#ended.inc({ how: 'lost' });
        return;
      case 'sandbox.closed': {
        this.#ended.inc({ how: 'closed' });
        if (!isClean(event.receipt)) this.#leftovers.inc();
        return;
      }
      case 'command.ended':
        this.#commands.inc({ outcome: event.result?.outcome ?? 'aborted' });
        if (event.result) this.#commandSeconds.observe(event.result.durationMs / 1000);
        return;
      case 'egress':
        this.#egress.inc({ verdict: event.record.verdict });
        return;
      default:
    }
  }
}
