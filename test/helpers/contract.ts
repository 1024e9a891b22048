/** Holds what a server sends against the contract: answers against its OpenAPI document, messages against src/wire. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { z } from 'zod';
import { errorSchema } from '../../src/wire/errors.js';
import * as messages from '../../src/wire/messages.js';

/** Formats say nothing about fields. */
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

interface OpenApi {
  paths: Record<
    string,
    Record<string, { responses?: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
}

/** Objects of `io: 'output'` are closed: a field that no schema has is an error. */
const compile = (schema: z.ZodType): ValidateFunction => ajv.compile(z.toJSONSchema(schema, { io: 'output' }));
const isError = compile(errorSchema);

function expectFits(check: ValidateFunction, value: unknown, what: string): void {
  check(value);
  expect(check.errors ?? [], `${what}: ${JSON.stringify(value)}`).toEqual([]);
}

export class Contract {
  /** Answers that were looked at: `GET /v1/sandboxes 200`. */
  readonly seen = new Set<string>();
  readonly #routes: {
    method: string;
    route: string;
    pattern: RegExp;
    responses: Record<string, ValidateFunction | undefined>;
  }[];

  constructor({ paths }: OpenApi) {
    this.#routes = Object.entries(paths).flatMap(([route, operations]) =>
      Object.entries(operations).map(([method, { responses = {} }]) => ({
        method: method.toUpperCase(),
        route,
        pattern: new RegExp(`^${route.replace(/\{[^}]*\}/g, '[^/]+')}$`),
        responses: Object.fromEntries(
          Object.entries(responses).map(([status, { content }]) => {
            const schema = content?.['application/json']?.schema;
            return [status, schema && ajv.compile(schema)];
          }),
        ),
      })),
    );
  }

  /** The successes that the contract promises, as `seen` has them. */
  get promised(): string[] {
    return this.#routes.flatMap(({ method, route, responses }) =>
      Object.keys(responses)
        .filter((status) => status.startsWith('2'))
        .map((status) => `${method} ${route} ${status}`),
    );
  }

  /** Checks an answer; what is outside of the contract, as the dashboard's files and the ports of a sandbox, is not looked at. */
  check(method: string, url: string, status: number, body: unknown): void {
    const path = url.replace(/\?.*$/, '');
    const found = this.#routes.find((route) => route.method === method && route.pattern.test(path));
    if (!found) return;
    const what = `${method} ${found.route} ${status}`;
    const check = found.responses[status];
    if (check) expectFits(check, body, what);
    else if (status >= 400) expectFits(isError, body, what);
    else expect(Object.keys(found.responses), what).toContain(String(status));
    this.seen.add(what);
  }
}

const SOCKETS: [RegExp, ValidateFunction][] = [
  [/\/exec$/, compile(messages.execAnswerSchema)],
  [/\/output$/, compile(messages.outputAnswerSchema)],
  [/\/tunnel\/\d+$/, compile(messages.tunnelAnswerSchema)],
  [/^\/ws\/tasks$/, compile(messages.taskAnswerSchema)],
  [/^\/v1\/events$/, compile(messages.eventsAnswerSchema)],
];

/** Returns the fault of a message of the WebSocket at `url`; undefined if it is as the contract has it. */
export function misfit(url: string, message: unknown): string | undefined {
  const { pathname } = new URL(url);
  const check = SOCKETS.find(([pattern]) => pattern.test(pathname))?.[1];
  if (check === undefined || check(message)) return undefined;
  return `${pathname}: ${ajv.errorsText(check.errors)}: ${JSON.stringify(message)}`;
}
