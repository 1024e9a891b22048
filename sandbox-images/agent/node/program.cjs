/*
 * What a Node program is started with (`--require`): a program given as text lies outside the working directory, and finds
 * there what it imports all the same; TypeScript is transformed, with enums, decorators, JSX and all.
 *
 * CommonJS, and nothing that is not needed is loaded: it is a part of every start.
 */
'use strict';
const Module = require('node:module');

/** Where programs given as text lie: in directories with a number, unlike this file. */
const PROGRAMS = /^(?:file:\/\/)?\/run\/ripcord\/\d/;
const TYPESCRIPT = /\.[cm]?tsx?$/;
/** Where the image has the transformer. In other images TypeScript is Node's own business. */
const TRANSFORMER = '/usr/local/lib/ripcord/swc.node';

const directory = process.cwd();
/** A file that the program could be, for what is resolved from there. */
const neighbour = `${directory === '/' ? '' : directory}/main.js`;
let neighbourUrl;
let neighbourRequire;

const isProgram = (place) => place !== undefined && PROGRAMS.test(place);

function findInDirectory(specifier) {
  neighbourRequire ??= Module.createRequire(neighbour);
  return neighbourRequire.resolve(specifier);
}

/** Asks what is next, on behalf of a file in the working directory. */
function resolveFromDirectory(specifier, context, next) {
  neighbourUrl ??= require('node:url').pathToFileURL(neighbour).href;
  if (context.conditions?.includes('import')) return next(specifier, { ...context, parentURL: neighbourUrl });
  // The rest of CommonJS's resolution goes by the module that asks, whatever the context says.
  const found = findInDirectory(specifier);
  if (Module.isBuiltin(found)) return next(specifier, context);
  return { url: require('node:url').pathToFileURL(found).href, shortCircuit: true };
}

/** As compilers resolve: `./lib` and `./lib.js` may stand for lib.ts. */
function* typescriptNames(path) {
  const plain = path.replace(/\.([cm]?)jsx?$/, '.$1ts');
  if (plain !== path) yield* [plain, `${plain}x`];
  for (const end of ['.ts', '.tsx', '.mts', '.cts', '/index.ts', '/index.tsx']) yield path + end;
}

function resolveTypescript(specifier, parent) {
  const { fileURLToPath, pathToFileURL } = require('node:url');
  const { statSync } = require('node:fs');
  const path = fileURLToPath(new URL(specifier, parent));
  for (const name of typescriptNames(path)) {
    if (statSync(name, { throwIfNoEntry: false })?.isFile())
      return { url: pathToFileURL(name).href, shortCircuit: true };
  }
  return undefined;
}

function resolve(specifier, context, next) {
  const { parentURL } = context;
  try {
    return isProgram(parentURL) ? resolveFromDirectory(specifier, context, next) : next(specifier, context);
  } catch (error) {
    if (!TYPESCRIPT.test(parentURL) || !/^(\.{0,2}\/|file:)/.test(specifier)) throw error;
    const found = resolveTypescript(specifier, isProgram(parentURL) ? neighbourUrl : parentURL);
    if (found === undefined) throw error;
    return found;
  }
}

let transform;

function load(url, context, next) {
  const path = url.startsWith('file:') ? url.replace(/[?#].*$/, '') : '';
  if (!TYPESCRIPT.test(path) || transform === null) return next(url, context);
  if (transform === undefined) {
    transform = null;
    if (!require('node:fs').existsSync(TRANSFORMER)) return next(url, context);
    transform = require('./typescript.cjs').transformer(require(TRANSFORMER), directory, isProgram);
  }
  return transform(path);
}

/** Node before 22.15, which only some other image has: no TypeScript, and hooks of two kinds. */
function registerOldHooks() {
  const plain = Module._resolveFilename;
  Module._resolveFilename = function (specifier, parent, ...rest) {
    if (isProgram(parent?.filename)) return findInDirectory(specifier);
    return plain.call(this, specifier, parent, ...rest);
  };
  const url = require('node:url').pathToFileURL(neighbour).href;
  const hook = `export const resolve = (specifier, context, next) =>
    next(specifier, ${PROGRAMS}.test(context.parentURL ?? '') ? { ...context, parentURL: ${JSON.stringify(url)} } : context)`;
  Module.register?.(`data:text/javascript,${encodeURIComponent(hook)}`);
}

/** Node says that the name is not defined, and not why. */
function explainMixture(error) {
  const name = /^(\w+) is not defined in ES module scope/.exec(error?.message)?.[1];
  if (name === undefined || !/^.*\n.*\n? +at .*run\/ripcord\/\d/.test(error.stack)) return;
  const text =
    `This program is an ES module, because it uses import, export or top-level await; ${name} belongs to CommonJS. ` +
    'Use one of the two throughout.\n';
  require('node:fs').writeSync(2, text);
}

if (Module.registerHooks) Module.registerHooks({ resolve, load });
else registerOldHooks();
if (isProgram(process.argv[1])) process.on('uncaughtExceptionMonitor', explainMixture);
