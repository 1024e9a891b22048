/** Renders the OpenAPI document as an HTML page. */

interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: object }[];
  requestBody?: { content?: Record<string, { schema?: object }> };
  responses?: Record<string, { description?: string; content?: Record<string, { schema?: object }> }>;
}

interface Document {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths?: Record<string, Record<string, Operation>>;
}

/** @param document Content of `/openapi.json`. */
export function renderDocs(document: object): string {
  const { info, tags = [], paths = {} } = document as Document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name, description = '' }) => {
    const own = operations.filter(({ operation }) => operation.tags?.includes(name));
    return `<section id="${escaped(name)}"><h2>${escaped(name)}</h2><p>${escaped(description)}</p>${own.map(render).join('')}</section>`;
  });
  const links = tags.map(({ name }) => `<a href="#${escaped(name)}">${escaped(name)}</a>`).join(' ');
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">' +
    `<title>${escaped(info.title)} API</title><link rel="stylesheet" href="/docs/style.css"></head><body>` +
    `<header><h1>${escaped(info.title)} API <small>${escaped(info.version)}</small></h1>` +
    `<p>${escaped(info.description ?? '')}</p><nav>${links} <a href="/openapi.json">openapi.json</a></nav></header>` +
    `<main>${sections.join('')}</main></body></html>`
  );
}

function render({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: place, required, description = '', schema }) =>
      `<tr><td><code>${escaped(name)}</code></td><td>${escaped(place)}${required ? ', required' : ''}</td>` +
      `<td>${escaped(description)} <code>${escaped(brief(schema))}</code></td></tr>`,
  );
  const body = Object.entries(operation.requestBody?.content ?? {}).map(
    ([type, { schema }]) => `<h4>Body <code>${escaped(type)}</code></h4><pre>${escaped(pretty(schema))}</pre>`,
  );
  const responses = Object.entries(operation.responses ?? {}).map(([status, { description = '', content = {} }]) => {
    const schemas = Object.values(content).map(({ schema }) => `<pre>${escaped(pretty(schema))}</pre>`);
    return `<h4>${escaped(status)} ${escaped(description)}</h4>${schemas.join('')}`;
  });
  return (
    `<details><summary><b class="${escaped(method)}">${escaped(method.toUpperCase())}</b> <code>${escaped(path)}</code> ` +
    `<span>${escaped(operation.summary ?? '')}</span></summary>` +
    `${parameters.length > 0 ? `<table>${parameters.join('')}</table>` : ''}${body.join('')}${responses.join('')}</details>`
  );
}

const pretty = (schema: object | undefined): string => JSON.stringify(schema ?? {}, null, 2);

function brief(schema: object | undefined): string {
  const { type, default: fallback } = (schema ?? {}) as { type?: string; default?: unknown };
  return `${type ?? ''}${fallback === undefined ? '' : ` = ${JSON.stringify(fallback)}`}`;
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export const DOCS_CSS = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
small { font-weight: normal; opacity: 0.7; }
nav a { margin-right: 0.75rem; }
details { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 6px; margin: 0.5rem 0; padding: 0.5rem 0.75rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary b { display: inline-block; min-width: 4.5rem; }
pre { overflow: auto; max-height: 24rem; padding: 0.75rem; background: color-mix(in srgb, currentColor 8%, transparent); border-radius: 6px; }
table { border-collapse: collapse; } td { padding: 0.2rem 0.8rem 0.2rem 0; vertical-align: top; }
`;
