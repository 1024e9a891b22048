/** The image `agent`: each tool it is there for, in a sandbox. `npm run test:images` builds it. */
import { describe, expect, it } from 'vitest';
import { DockerBackend } from '../../src/backends/docker/docker-backend.js';
import { ensureImages } from '../../src/backends/docker/images/build.js';
import { DockerImages } from '../../src/backends/docker/images/docker-images.js';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under, { image: 'agent', limits: { memory: '1g' } });

const sh = async (line: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await sandbox().exec(['bash', '-ec', line]);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout.trim();
};

it('is built on python, with what goes before it, and not built again', async () => {
  const images = new DockerImages(DockerBackend.open().docker, 'the engine of the tests');
  expect(await ensureImages(images, ['agent'])).toEqual([]);
});

describe('in the image agent', () => {
  it('both languages run as text, and python is the default', async () => {
    expect(await sandbox().runCode('import sklearn, sys; print(sys.version_info[0])')).toMatchObject({ stdout: '3\n' });
    const typescript = 'enum Colour { Red = 41 }\nconsole.log(Colour.Red + 1)';
    expect(await sandbox().runCode(typescript, { language: 'typescript' })).toMatchObject({ stdout: '42\n' });
    expect(await sandbox().runCode('print(1)', { warm: true })).toMatchObject({ stdout: '1\n' });
  });

  it('programs in C and C++ are compiled, with make and cmake', async () => {
    await sandbox().files.write('c/main.cpp', '#include <iostream>\nint main() { std::cout << 6 * 7; }\n');
    await sandbox().files.write(
      'c/CMakeLists.txt',
      'cmake_minimum_required(VERSION 3.10)\nproject(answer CXX)\nadd_executable(answer main.cpp)\n',
    );
    expect(await sh('cd c && cmake -B build > log && make -s -C build >> log && build/answer')).toBe('42');
  });

  it('search, data and documents', async () => {
    await sandbox().files.write('doc/page.md', '# Title\n\nneedle **bold**\n');
    expect(await sh('rg -l needle doc')).toBe('doc/page.md');
    expect(await sh(`echo '{"a":[1,2]}' | jq -c .a; sqlite3 :memory: 'select 6*7'`)).toBe('[1,2]\n42');
    expect(await sh('pandoc doc/page.md -t html')).toContain('<strong>bold</strong>');
    expect(await sh('pandoc doc/page.md -o doc/page.docx && unzip -l doc/page.docx | grep -c document.xml')).not.toBe(
      '0',
    );
    expect(await sh('git init -q repo && cd repo && git add -A && git status --short | wc -l')).toBe('0');
  });

  it('text in Chinese, Japanese and Korean has a font', async () => {
    for (const language of ['zh', 'ja', 'ko'])
      expect(await sh(`fc-list :lang=${language} family | head -1`)).toMatch(/CJK/);
    const chart = [
      'import matplotlib.font_manager as fonts',
      'print(any("CJK" in font.name for font in fonts.fontManager.ttflist))',
    ].join('\n');
    expect(await sandbox().runCode(chart)).toMatchObject({ stdout: 'True\n' });
  });

  it('npm install -g works without root', async () => {
    await sandbox().files.write('lib/package.json', '{"name":"greet","version":"1.0.0","bin":{"greet-me":"cli.js"}}');
    await sandbox().files.write('lib/cli.js', '#!/usr/bin/env node\nconsole.log(42)\n');
    expect(await sh('npm install -g ./lib > /dev/null 2>&1 && greet-me')).toBe('42');
  });
});
