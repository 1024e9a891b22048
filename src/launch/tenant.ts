/** Determines the user that commands run as, and the host directory that is mounted for them. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ResolvedImage, UserFiles } from '../backends/backend.js';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import type { LaunchContext } from './context.js';
import type { ResolvedCreateOptions } from './options.js';
import { nameUser } from './user-names.js';
import { rootWarning, type SandboxWarning } from './warnings.js';

/** Uid and gid of sandboxes without uids of their own; called `sandbox` in Ripcord's images. */
const SHARED_USER = '1000:1000';

/** User that commands run as, and the bind mount for them. */
export interface Tenant {
  user: string;
  /** First of the two uids that belong to this sandbox alone. */
  ownUid?: number;
  bind?: { source: string; readOnly: boolean };
  warnings?: SandboxWarning[];
}

/**
 * Returns the user of a sandbox.
 * @param bind tenant of a bind mount, which takes precedence
 */
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

/**
 * Creates passwd and group files for a user without a name. Skips a writable /etc: a file mounted there would keep root
 * in the sandbox from adding users.
 */
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
    // The passwd file of the image may be a link, for example. Continue without a name: that is better than a failure.
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
  // Use the owner of the files: the caller, or the directory's owner if the caller is root.
  const uid = process.getuid?.() || found.uid;
  const gid = process.getuid?.() ? process.getgid!() : found.gid;
  return {
    user: options.user ?? `${uid}:${gid}`,
    bind: { source, readOnly: workspace.readOnly },
    warnings: options.user === undefined && uid === 0 ? [rootWarning(source)] : [],
  };
}
