import { describe, expect, test } from 'vitest';
import {
  bearsTag,
  catalogImage,
  catalogImages,
  catalogReference,
  imageHash,
  missingImageHint,
} from '../../../src/images/catalog.js';

describe('the catalog of images', () => {
  test('turns a short name into a tag and leaves any other reference alone', () => {
    expect(catalogReference('python')).toBe('ripcord/python:latest');
    expect(catalogReference('python:3.12')).toBe('python:3.12');
    expect(catalogReference('toString')).toBe('toString');
  });

  test('names what there is when asked for an image it has not', () => {
    expect(() => catalogImage('ruby')).toThrow("Ripcord has no image called 'ruby'");
    expect(missingImageHint('ruby')).toMatch(/^Pull it first .*base, python, node, shell/);
    expect(missingImageHint('pyhton')).toMatch(/^Did you mean 'python'\? Pull it first/);
    expect(missingImageHint('ripcord/nodes:latest')).toMatch(/^Did you mean 'node'\?/);
    expect(missingImageHint('ripcord/node:latest')).toContain('images build node');
  });

  test('lists every parent before its children', () => {
    const names = catalogImages().map(({ name }) => name);
    for (const { name, parent } of catalogImages()) {
      if (parent) expect(names.indexOf(parent)).toBeLessThan(names.indexOf(name));
    }
  });

  test('recognises a tag also behind a registry, and nothing that only ends alike', () => {
    expect(bearsTag(['ripcord/python:latest'], 'ripcord/python:latest')).toBe(true);
    expect(bearsTag(['localhost/ripcord/python:latest'], 'ripcord/python:latest')).toBe(true);
    expect(bearsTag(['xripcord/python:latest', 'ripcord/python:building'], 'ripcord/python:latest')).toBe(false);
  });

  test('gives each image a hash of its own that stays the same', () => {
    const hashes = catalogImages().map(({ name }) => imageHash(name));
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(catalogImages().map(({ name }) => imageHash(name))).toEqual(hashes);
  });
});
