import { expect, it } from 'vitest';
import type { ManagerEvent } from '../../../src/sandbox/events.js';
import { Previews } from '../../../src/server/ports/previews.js';

const one = { name: 'one', operator: false };
const other = { name: 'other', operator: false };
const secretOf = ({ path }: { path: string }) => /^\/p\/([\w-]{22})\/$/.exec(path)![1]!;
const closed = (sandbox: string) => ({ type: 'sandbox.closed', sandbox }) as ManagerEvent;

it('is one for a caller, a sandbox and a port, and another for any other', () => {
  const previews = new Previews();
  const opened = [
    previews.open(one, 'a', 80),
    previews.open(one, 'a', 81),
    previews.open(one, 'b', 80),
    previews.open(other, 'a', 80),
  ];
  expect(new Set(opened.map(secretOf)).size).toBe(4);
  expect(previews.open(one, 'a', 80)).toBe(opened[0]);
  for (const preview of opened) expect(previews.find(secretOf(preview))).toBe(preview);
});

it('is not found by what is no secret of one', () => {
  const previews = new Previews();
  const secret = secretOf(previews.open(one, 'a', 80));
  for (const wrong of ['', 'a', secret.slice(1), `${secret}x`, secret.toUpperCase(), '__proto__']) {
    if (wrong !== secret) expect(() => previews.find(wrong), wrong).toThrow(/no such preview/);
  }
});

it('ends with its sandbox', () => {
  const previews = new Previews();
  const [ended, stays] = [previews.open(one, 'a', 80), previews.open(one, 'b', 80)];
  previews.follow(closed('a'));
  previews.follow(closed('never was'));
  expect(() => previews.find(secretOf(ended))).toThrow(/no such preview/);
  expect(previews.find(secretOf(stays))).toBe(stays);
});

it('is bounded for each caller and sandbox', () => {
  const previews = new Previews();
  for (let port = 1; port <= 100; port++) previews.open(one, 'a', port);
  expect(() => previews.open(one, 'a', 101)).toThrow(expect.objectContaining({ code: 'quota' }));
  previews.open(one, 'a', 100);
  previews.open(other, 'a', 101);
  previews.open(one, 'b', 101);
});
