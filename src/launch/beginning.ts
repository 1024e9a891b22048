/** The environment, the directories and the warm interpreter that a sandbox begins with. */
import type { ResolvedImage } from '../backends/backend.js';
import { HOME, TMP, WORKSPACE } from '../base/places.js';
import { cpuVariables } from '../command/cpu-variables.js';
import { composeOnce, type Environment, withVariables } from '../command/environment.js';
import { DEFAULT_ENV, IMAGE_DIRS, IMAGE_ENV } from '../command/languages.js';
import type { WarmSetting } from '../command/warm.js';
import { OFFLINE_ENV } from '../egress/offline.js';
import type { ResolvedCreateOptions } from './options.js';
import { NAME_ENV } from './user-names.js';

export interface Beginning {
  /** Variables of every command. */
  env: Environment;
  /** Directories that are made before the first command: those that the image needs, HOME and TMPDIR of the caller's own. */
  directories: readonly string[];
  /** Start of a warm interpreter. */
  warm: WarmSetting;
}

/** The facts about a container that decide it. */
interface Place {
  image: ResolvedImage;
  /** The user that commands run as. */
  user: string;
  /** The image has no name for that user. */
  isNameless: boolean;
}

/** Directories in which the sandbox's user may make others. */
const OWN_PLACES = [WORKSPACE, HOME, TMP];

/** @param egressEnv the variables that make programs use the proxy of this sandbox */
export function beginningOf(place: Place, egressEnv: Environment, options: ResolvedCreateOptions): Beginning {
  const { image, user } = place;
  const { env, rootfs } = options;
  const usualEnv = usualEnvironment(place, options);
  const own = [env.HOME, env.TMPDIR].filter((path) => OWN_PLACES.some((of) => path?.startsWith(`${of}/`)));
  return {
    env: withVariables(withVariables(usualEnv, egressEnv), env),
    directories: [...(own as string[]), ...(IMAGE_DIRS[image.ours ?? ''] ?? [])],
    warm: { imageEnv: image.env, usualEnv, ownEnv: env, user, readOnlyRoot: rootfs === 'read-only' },
  };
}

/** Returns the variables of every command, without those of egress and of the creator of the sandbox. */
function usualEnvironment({ image, isNameless }: Place, options: ResolvedCreateOptions): Environment {
  const { cpus } = options.limits;
  const isOffline = options.network === 'none';
  return composeOnce(image, JSON.stringify([isNameless, cpus, isOffline]), () => ({
    ...DEFAULT_ENV,
    ...IMAGE_ENV[image.ours ?? ''],
    ...(isNameless ? NAME_ENV : {}),
    ...cpuVariables(cpus),
    ...(isOffline ? OFFLINE_ENV : {}),
    ...image.env,
    HOME,
    TMPDIR: TMP,
  }));
}
