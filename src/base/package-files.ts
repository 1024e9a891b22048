/** Locates the package's files that are not code: images, the agent, the dashboard's page. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RipcordError } from './errors.js';

const NAME = 'ripcord-sandbox';

let root: URL | undefined;

/**
 * Returns the path of a file or directory of this package.
 *
 * @throws RipcordError `package-incomplete` if a bundler separated the code from its files
 */
export function packageFile(path: string): string {
  root ??= findRoot();
  return fileURLToPath(new URL(path, root));
}

/** Returns this package's version. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

function findRoot(): URL {
  try {
    // src/base/ and dist/base/ are two levels below the package's root. Code bundled as CommonJS does not have
    // `import.meta.url`.
    const found = new URL('../../', import.meta.url);
    const { name } = JSON.parse(readFileSync(new URL('package.json', found), 'utf8')) as { name: string };
    if (name !== NAME) throw new Error(`${fileURLToPath(found)} is the package ${name}`);
    return found;
  } catch (cause) {
    // A process without free descriptors fails here as well.
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') throw cause;
    throw new RipcordError(
      'package-incomplete',
      'The code of ripcord-sandbox is not in its package, whose files it needs',
      {
        cause,
        hint: 'Bundlers must leave it out: esbuild --external:ripcord-sandbox, or external: ["ripcord-sandbox"].',
      },
    );
  }
}
