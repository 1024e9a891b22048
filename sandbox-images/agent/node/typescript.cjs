/* TypeScript for `node`: what program.cjs loads when the first such file is imported. */
'use strict';
const { existsSync, readFileSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');
const { fileURLToPath } = require('node:url');
const vm = require('node:vm');

/** What the engine says of module syntax in a script (Node looks for the same words). */
const MODULE_SYNTAX =
  /Cannot use import statement outside a module|Unexpected token 'export'|Cannot use 'import.meta' outside a module|await is only valid in async functions/;
/** What only CommonJS has: such a file is one, unless it cannot be. */
const COMMONJS_SYNTAX = /^\s*(export\s+=|(export\s+)?import\s+[\w$]+\s*=\s*require\s*\()/m;
const WRAPPER = ['exports', 'require', 'module', '__filename', '__dirname'];

/** The compiler options of a tsconfig.json, over those of what it extends. */
function readOptions(file, depth = 0) {
  let config;
  try {
    // Comments and trailing commas are no JSON, but they are JavaScript, and this is the sandbox's own file.
    config = vm.runInNewContext(`(${readFileSync(file, 'utf8')}\n)`, Object.create(null), { timeout: 1000 });
  } catch {
    return {};
  }
  const { extends: base, compilerOptions } = config ?? {};
  const above = typeof base === 'string' && /^[./]/.test(base) && depth < 8 ? resolve(dirname(file), base) : undefined;
  return { ...(above && readOptions(above, depth + 1)), ...compilerOptions };
}

/** What `read` makes of the nearest file of that name, in `directory` or above it; remembered for each directory. */
function nearest(name, read) {
  const known = new Map();
  return function find(directory) {
    if (!known.has(directory)) {
      const file = join(directory, name);
      const parent = dirname(directory);
      known.set(directory, existsSync(file) ? read(file) : parent === directory ? undefined : find(parent));
    }
    return known.get(directory);
  };
}

function readType(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).type;
  } catch {
    return undefined;
  }
}

const compilerOptions = nearest('tsconfig.json', (file) => readOptions(file));
const packageType = nearest('package.json', readType);

function swcOptions(path, options, format, tsx) {
  const automatic = /^react-jsx/.test(options.jsx);
  const react = automatic
    ? { runtime: 'automatic', importSource: options.jsxImportSource }
    : { runtime: 'classic', pragma: options.jsxFactory, pragmaFrag: options.jsxFragmentFactory };
  return {
    // swc goes by the name as well.
    filename: tsx && !path.endsWith('x') ? `${path}x` : path,
    sourceFileName: path,
    sourceMaps: 'inline',
    inlineSourcesContent: false,
    swcrc: false,
    configFile: false,
    isModule: 'unknown',
    jsc: {
      target: 'es2024',
      parser: { syntax: 'typescript', tsx, decorators: true },
      transform: {
        ...(options.experimentalDecorators === true
          ? { legacyDecorator: true, decoratorMetadata: options.emitDecoratorMetadata === true }
          : { decoratorVersion: '2022-03' }),
        useDefineForClassFields: options.useDefineForClassFields ?? !/^es(3|5|6|20(1\d|2[01]))$/i.test(options.target),
        verbatimModuleSyntax: options.verbatimModuleSyntax === true,
        react,
      },
    },
    module: { type: format === 'commonjs' ? 'commonjs' : 'nodenext' },
  };
}

/** What a file is by what is around it; `undefined`: its own syntax tells. */
function formatAround(path, url, isProgram) {
  if (path.endsWith('.mts')) return 'module';
  if (path.endsWith('.cts')) return 'commonjs';
  return isProgram(url) ? undefined : packageType(dirname(path));
}

function formatOf(code) {
  try {
    vm.compileFunction(code, WRAPPER);
  } catch (error) {
    if (MODULE_SYNTAX.test(error.message)) return 'module';
  }
  return 'commonjs';
}

exports.transformer = (swc, directory, isProgram) => {
  const done = new Map();
  process.setSourceMapsEnabled(true);

  function compile(file, format, tsx = file.path.endsWith('x')) {
    const settings = Buffer.from(JSON.stringify(swcOptions(file.path, file.options, format, tsx)));
    try {
      return swc.transformSync(file.text, false, settings).code;
    } catch (error) {
      const problem = new SyntaxError(error.message.replace(/\s*Caused by:[\s\S]*$/, ''));
      // Where this file noticed it is of no use to anybody.
      const place = /,-\[(.*:\d+:\d+)\]/.exec(problem.message)?.[1] ?? file.path;
      problem.stack = `SyntaxError: ${problem.message.trim()}\n    at ${place}`;
      throw problem;
    }
  }

  /** Of a program given as text nobody has said whether it is main.tsx. */
  function compileProgram(file, format) {
    try {
      return compile(file, format, false);
    } catch (error) {
      try {
        return compile(file, format, true);
      } catch {
        throw error;
      }
    }
  }

  function transform(url) {
    const path = fileURLToPath(url);
    const given = isProgram(url);
    const options = compilerOptions(given ? directory : dirname(path)) ?? {};
    const file = { path, text: readFileSync(path, 'utf8'), options };
    const toCode = given ? compileProgram : compile;
    const format = formatAround(path, url, isProgram);
    if (format === undefined && COMMONJS_SYNTAX.test(file.text)) {
      const source = toCode(file, 'commonjs');
      if (formatOf(source) === 'commonjs') return { format: 'commonjs', source, shortCircuit: true };
    }
    const source = toCode(file, format);
    return { format: format ?? formatOf(source), source, shortCircuit: true };
  }

  return (url) => {
    if (!done.has(url)) done.set(url, transform(url));
    return done.get(url);
  };
};
