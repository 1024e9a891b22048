/** Who the commands of a sandbox run as, and the directory of the host that is mounted for them. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ResolvedImage, UserFiles } from '../backends/backend.js';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import type { LaunchContext } from './context.js';
import type { ResolvedCreateOptions } from './options.js';
import { nameUser } from './user-names.js';
import { rootWarning, type SandboxWarning } from './warnings.js';

/** `sandbox` in our images, for who has no uid of its own. */
const SHARED_USER = '1000:1000';

/** The user that commands run as, and the bind mount for them. */
export interface Tenant {
  user: string;
  /** The first of the two uids that are the sandbox's own. */
  ownUid?: number;
  bind?: { source: string; readOnly: boolean };
  warnings?: SandboxWarning[];
}

/** @param bind the tenant of a bind mount, who comes before all others */
export async function tenantOf(
  context: LaunchContext,
  image: ResolvedImage,
  options: ResolvedCreateOptions,
  bind: Tenant | undefined,
): Promise<Tenant> {
  return bind ?? (await ownUser(context, image, options)) ?? { user: options.user ?? SHARED_USER };
}

async function ownUser(
  { uidSlots }: LaunchContext,
  image: ResolvedImage,
  { user, uids }: ResolvedCreateOptions,
): Promise<Tenant | undefined> {
  if (!uidSlots || user !== undefined || uids === 'shared') return undefined;
  if (uids === 'auto' && !uidSlots.namedBy(image)) return undefined;
  const ownUid = await uidSlots.take();
  return ownUid === undefined ? undefined : { user: `${ownUid}:${ownUid}`, ownUid };
}

/** A writable /etc is left alone: a file mounted there would keep root of the sandbox from adding users. */
export async function ownNames(
  { backend, instance }: LaunchContext,
  image: ResolvedImage,
  user: string,
  directory: string,
  { rootfs }: ResolvedCreateOptions,
): Promise<UserFiles | undefined> {
  if (rootfs === 'writable' || !backend.capabilities.imageInspect) return undefined;
  try {
    return await nameUser(backend, image, user, directory, instance);
  } catch (error) {
    // An image whose passwd file is a link, say: a sandbox without a name is better than none.
    if (!(error instanceof RipcordError)) throw error;
    return undefined;
  }
}

export async function checkBind(options: ResolvedCreateOptions): Promise<Tenant | undefined> {
  const { workspace } = options;
  if (workspace.mode === 'copy') return undefined;
  const source = resolve(workspace.path);
  const found = await stat(source).catch(() => undefined);
  if (!found?.isDirectory())
    throw new InvalidOptionsError(`create: workspace.path '${workspace.path}' is not a directory`);
  // Files keep their owner: the caller's, or for root the directory's.
  const uid = process.getuid?.() || found.uid;
  const gid = process.getuid?.() ? process.getgid!() : found.gid;
  return {
    user: options.user ?? `${uid}:${gid}`,
    bind: { source, readOnly: workspace.readOnly },
    warnings: options.user === undefined && uid === 0 ? [rootWarning(source)] : [],
  };
}
