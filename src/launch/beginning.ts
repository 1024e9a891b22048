/** Initial environment, directories and warm interpreter of a sandbox. */
import type { ResolvedImage } from '../backends/backend.js';
import { RipcordError } from '../base/errors.js';
import { HOME, TMP, WORKSPACE } from '../base/places.js';
import { cpuVariables } from '../command/cpu-variables.js';
import { composeOnce, type Environment, withVariables } from '../command/environment.js';
import { DEFAULT_ENV, IMAGE_DIRS, IMAGE_ENV } from '../command/languages.js';
import type { WarmSetting } from '../command/warm.js';
import { OFFLINE_ENV } from '../egress/offline.js';
import type { ResolvedCreateOptions } from './options.js';
import { NAME_ENV } from './user-names.js';

export interface Beginning {
  /** Variables that every command gets. */
  env: Environment;
  /**
   * Directories created before the first command: those that the image needs, and HOME and TMPDIR if the caller sets
   * them.
   */
  directories: readonly string[];
  /** Settings for starting a warm interpreter. */
  warm: WarmSetting;
}

/** Facts about a container that determine its beginning. */
interface Place {
  image: ResolvedImage;
  /** Variables of the image. See `imageEnvironment`. */
  imageEnv: Environment;
  /** The user that commands run as. */
  user: string;
  /** True if the image has no name for that user. */
  isNameless: boolean;
}

/** Directories in which the sandbox's user may create others. */
const OWN_PLACES = [WORKSPACE, HOME, TMP];

/**
 * Computes how a sandbox begins.
 * @param egressEnv variables that make programs use the proxy of this sandbox
 */
export function beginningOf(place: Place, egressEnv: Environment, options: ResolvedCreateOptions): Beginning {
  const { image, imageEnv, user } = place;
  const { env, rootfs } = options;
  const usualEnv = usualEnvironment(place, options);
  const own = [env.HOME, env.TMPDIR].filter((path) => OWN_PLACES.some((of) => path?.startsWith(`${of}/`)));
  return {
    env: withVariables(withVariables(usualEnv, egressEnv), env),
    directories: [...(own as string[]), ...(IMAGE_DIRS[image.ours ?? ''] ?? [])],
    warm: { imageEnv, usualEnv, ownEnv: env, user, readOnlyRoot: rootfs === 'read-only' },
  };
}

/**
 * Latest variables of each image. Only one entry for each image: agents report them, and a malicious one must not fill
 * the memory.
 */
const latest = new WeakMap<ResolvedImage, { text: string; variables: Environment }>();

/**
 * Returns the same object for equal variables of an image, because environments are composed once for each object.
 * @param reported variables that the agent reported
 */
export function imageEnvironment(image: ResolvedImage, reported: Record<string, string> | undefined): Environment {
  if (reported === undefined) {
    throw new RipcordError('create-failed', `The variables of the image ${image.reference} are too large`, {
      hint: 'Ripcord takes up to 64 KiB of them.',
    });
  }
  const text = JSON.stringify(reported);
  const known = latest.get(image);
  if (known?.text === text) return known.variables;
  const variables = Object.freeze(reported);
  latest.set(image, { text, variables });
  return variables;
}

/** Returns the variables of every command, except those of egress and those given to `create()`. */
function usualEnvironment({ image, imageEnv, isNameless }: Place, options: ResolvedCreateOptions): Environment {
  const { cpus } = options.limits;
  const isOffline = options.network === 'none';
  return composeOnce(imageEnv, JSON.stringify([isNameless, cpus, isOffline]), () => ({
    ...DEFAULT_ENV,
    ...IMAGE_ENV[image.ours ?? ''],
    ...(isNameless ? NAME_ENV : {}),
    ...cpuVariables(cpus),
    ...(isOffline ? OFFLINE_ENV : {}),
    ...imageEnv,
    HOME,
    TMPDIR: TMP,
  }));
}
