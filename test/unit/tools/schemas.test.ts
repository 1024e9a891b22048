import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { TOOLS } from '../../../src/tools/catalog.js';
import { toOffer } from '../../../src/tools/toolbox.js';

const offers = TOOLS.map((tool) => toOffer(tool));

describe.each(offers)('$name', ({ name, title, description, inputSchema, outputSchema }) => {
  it('has a name every API takes, and words a model can choose by', () => {
    expect(name).toMatch(/^[a-z_]{1,40}$/);
    expect(title.length).toBeGreaterThan(3);
    expect(description.length).toBeGreaterThan(60);
    // The longest that OpenAI takes.
    expect(description.length).toBeLessThan(1024);
  });

  it('has schemas of objects that a validator compiles, and takes no unknown field', () => {
    const ajv = new Ajv({ strict: true });
    expect(() => ajv.compile(inputSchema)).not.toThrow();
    expect(() => ajv.compile(outputSchema)).not.toThrow();
    expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
    expect(outputSchema).toMatchObject({ type: 'object' });
  });
});

it('all of them together stay small: they stand in front of every conversation', () => {
  const input = offers.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  expect(JSON.stringify(input).length).toBeLessThan(16_000);
});
