import type { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { DockerBackend } from '../../src/backends/docker/docker-backend.js';
import { ensureImages, listImages } from '../../src/backends/docker/images/build.js';
import { DockerImages } from '../../src/backends/docker/images/docker-images.js';
import { packContext, toStream } from '../../src/images/context.js';
import { useManager } from '../helpers/sandbox.js';

const engine = new DockerImages(DockerBackend.open().docker, 'the engine of the tests');
const SCRATCH = 'ripcord/test-scratch:latest';

function context(dockerfile: string): Readable {
  const files = packContext([{ path: 'Dockerfile', content: Buffer.from(dockerfile), mode: 0o644 }]);
  files.finalize();
  return toStream(files);
}

describe('the images in the engine', () => {
  test('are all there, built from these files, and say what is in them', async () => {
    // The one with everything has a test command of its own: test/images.
    const images = (await listImages(engine)).filter(({ name }) => name !== 'agent');
    expect(images.map(({ name, state }) => [name, state])).toEqual([
      ['base', 'ready'],
      ['python', 'ready'],
      ['node', 'ready'],
      ['shell', 'ready'],
    ]);
    const [, python, node] = images;
    expect(python?.manifest?.contents).toMatchObject({
      python: expect.stringMatching(/^3\.11/),
      numpy: expect.any(String),
    });
    expect(Number(node?.manifest?.contents.node?.split('.')[0])).toBeGreaterThanOrEqual(24);
    expect(python?.sizeBytes).toBeGreaterThan(50e6);
    expect(python?.createdAt?.getTime()).toBeGreaterThan(Date.UTC(2024, 0));
  });

  test('are not built again when nothing changed', async () => {
    expect(await ensureImages(engine, ['python', 'node'])).toEqual([]);
  });

  test('keep nothing of the machine they were built on', async () => {
    const sources = await engine.readFile('ripcord/base:latest', '/etc/apt/sources.list').catch(() => Buffer.alloc(0));
    for (const line of sources.toString().split('\n').filter(Boolean))
      expect(line).toMatch(/^(#|deb http:\/\/deb\.debian\.org\/)/);
    expect((await engine.readFile('ripcord/base:latest', '/etc/ripcord-image.json')).toString()).toContain('"base"');
  });
});

describe('a build', () => {
  test('that fails says so with the last lines of the failing step, and leaves no image', async () => {
    const building = engine.build(context('FROM ripcord/base:latest\nRUN echo wrong turn; exit 7\n'), { tag: SCRATCH });
    const error = await building.catch((reason) => reason);
    expect(error).toMatchObject({ code: 'image-build-failed' });
    expect(error.message).toContain('wrong turn');
    expect(error.message).toContain('7');
    expect(await engine.inspect(SCRATCH)).toBeUndefined();
  });

  test('that is aborted ends at once with the reason', async () => {
    const abort = new AbortController();
    const building = engine.build(context('FROM ripcord/base:latest\nRUN echo begun && sleep 600\n'), {
      tag: SCRATCH,
      signal: abort.signal,
      onProgress: (line) => line === 'begun' && abort.abort(new Error('enough')),
    });
    await expect(building).rejects.toThrow('enough');
  });

  test('that takes too long ends by itself', async () => {
    const building = engine.build(context('FROM ripcord/base:latest\nRUN sleep 600\n'), {
      tag: SCRATCH,
      timeoutMs: 1500,
    });
    await expect(building).rejects.toMatchObject({ code: 'image-build-failed' });
  });
});

test('a pull of an image that does not exist is refused, not waited for', async () => {
  const pulling = engine.pull('ripcord-no-such-registry.invalid/x:1', { firstProgressMs: 10_000 });
  await expect(pulling).rejects.toMatchObject({ code: 'image-not-found' });
});

test('a file that an image has not is an error', async () => {
  await expect(engine.readFile('ripcord/base:latest', '/no/such/file')).rejects.toThrow();
});

describe('in a sandbox of', () => {
  const under = useManager();
  const inside = async (image: string, command: string[]) => {
    const sandbox = await under.manager.create({ image });
    try {
      const { exitCode, stdout, stderr } = await sandbox.exec(command);
      return { exitCode, stdout: stdout.trim(), stderr };
    } finally {
      await sandbox.close();
    }
  };

  test('python, the libraries work: a data frame is drawn into a file without a display', async () => {
    const program = [
      'import matplotlib, pandas, numpy, pytest, os',
      'import matplotlib.pyplot as plt',
      'pandas.DataFrame({"x": numpy.arange(9), "y": numpy.arange(9) ** 2}).plot(x="x", y="y")',
      'plt.savefig("out.png"); plt.savefig("out.pdf")',
      'print(matplotlib.get_backend().lower(), os.path.getsize("out.png") > 5000, os.path.getsize("out.pdf") > 2000)',
    ].join('\n');
    expect(await inside('python', ['python', '-c', program])).toMatchObject({ exitCode: 0, stdout: 'agg True True' });
  });

  test('python, the libraries that agents ask for work, and git and curl', async () => {
    const program = [
      'import bs4, httpx, io, lxml.etree, numpy, openpyxl, pandas, requests, seaborn, sympy',
      'from PIL import Image',
      'from scipy import optimize',
      'from sklearn.linear_model import LinearRegression',
      'x = numpy.arange(20).reshape(-1, 1)',
      'print(LinearRegression().fit(x, 3 * x.ravel() + 1).coef_.round(3)[0], round(optimize.brentq(lambda v: v * v - 2, 0, 2), 3))',
      'pandas.DataFrame({"a": [1, 2]}).to_excel("t.xlsx"); print(openpyxl.load_workbook("t.xlsx").active["B3"].value)',
      'print(bs4.BeautifulSoup("<p>hi</p>", "lxml").p.text, lxml.etree.fromstring("<a><b/></a>")[0].tag)',
      'print(sympy.integrate(sympy.Symbol("x") ** 2), Image.new("RGB", (2, 3)).size)',
      'seaborn.histplot([1, 2, 2, 3]).figure.savefig("s.png")',
      'print(requests.__name__, httpx.__name__)',
    ].join('\n');
    expect(await inside('python', ['python', '-c', program])).toMatchObject({
      exitCode: 0,
      stdout: '3.0 1.414\n2\nhi b\nx**3/3 (2, 3)\nrequests httpx',
    });
    const repository =
      'git init -q r && cd r && echo a > f && git add f && git -c user.name=a -c user.email=a@example.org commit -qm first && git log --oneline | wc -l && curl --version | head -c 4';
    expect(await inside('python', ['sh', '-c', repository])).toMatchObject({ exitCode: 0, stdout: '1\ncurl' });
  });

  test('python, modules come compiled, since nothing can write their cache later', async () => {
    const program = 'import numpy, os.path; print(os.path.exists(numpy.__cached__))';
    expect((await inside('python', ['python3', '-c', program])).stdout).toBe('True');
  });

  test('node, a TypeScript file runs as it is', async () => {
    const script = "echo 'const n: number = 41; console.log(n + 1)' > a.ts && node a.ts && npm --version";
    const { exitCode, stdout } = await inside('node', ['sh', '-c', script]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^42\n\d+\.\d+\.\d+$/);
  });

  test('node, what builds of npm packages need is there', async () => {
    const script = 'printf \'all:\\n\\tgit --version | cut -c1-3; python3 -c "print(6 * 7)"\\n\' > Makefile && make -s';
    expect(await inside('node', ['sh', '-c', script])).toMatchObject({ exitCode: 0, stdout: 'git\n42' });
  });

  test('shell, the tools are there and commands run as a user with a name', async () => {
    const script = [
      'whoami',
      `echo '{"a":[1,2]}' | jq -c .a`,
      `sqlite3 :memory: 'select 6*7'`,
      'git init -q r && cd r && echo needle > f && rg -c needle f',
    ].join(' && ');
    expect(await inside('shell', ['bash', '-c', script])).toMatchObject({
      exitCode: 0,
      stdout: 'sandbox\n[1,2]\n42\n1',
    });
  });

  describe('what is installed without root and without a network works', () => {
    const project = [
      'mkdir -p pkg/greet',
      'printf "def main():\\n    print(42)\\n" > pkg/greet/__init__.py',
      `printf '[build-system]\\nrequires = ["setuptools>=61", "wheel"]\\nbuild-backend = "setuptools.build_meta"\\n[project]\\nname = "greet"\\nversion = "1"\\n[project.scripts]\\ngreet-me = "greet:main"\\n' > pkg/pyproject.toml`,
    ].join(' && ');

    test.each([
      ['pip install, with its program on PATH', 'pip install -q ./pkg && greet-me'],
      ['pip install -e', 'pip install -q -e ./pkg && greet-me'],
      ['pip install without build isolation', 'pip install -q --no-build-isolation ./pkg && greet-me'],
      ['pip install in a venv', 'python -m venv v && v/bin/pip install -q ./pkg && v/bin/greet-me'],
      [
        'pip install -e in a venv, without build isolation',
        'python -m venv v && v/bin/pip install -q wheel && v/bin/pip install -q --no-build-isolation -e ./pkg && v/bin/greet-me',
      ],
      ['in a login shell', 'pip install -q ./pkg && bash -lc greet-me && PATH=/usr/bin:/bin sh -lc greet-me | cat'],
    ])('python, %s', async (_, command) => {
      const { exitCode, stdout, stderr } = await inside('python', ['sh', '-c', `${project} && ${command}`]);
      expect({ exitCode, stderr, last: stdout.split('\n').at(-1) }).toMatchObject({ exitCode: 0, last: '42' });
    });

    test('node, npm install -g', async () => {
      const library = [
        'mkdir lib && cd lib',
        `echo '{"name":"greet","version":"1.0.0","bin":{"greet-me":"cli.js"}}' > package.json`,
        `printf '#!/usr/bin/env node\\nconsole.log(42)\\n' > cli.js`,
        'npm install -g . > log 2>&1 && greet-me && npm ls -g --parseable | grep -c greet && bash -lc greet-me',
      ].join(' && ');
      expect(await inside('node', ['sh', '-c', library])).toMatchObject({ exitCode: 0, stdout: '42\n1\n42' });
      expect(await inside('node', ['npm', 'ls', '-g'])).toMatchObject({ exitCode: 0 });
    });
  });
});
