/**
 * Gives a name to a uid that the image does not know: `os.userInfo()`, `getpass.getuser()`, git and ssh fail without
 * one. The name is `sandbox`, as in Ripcord's images, so that the host's user name is not revealed.
 */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend, ResolvedImage, UserFiles } from '../backends/backend.js';
import { HOME } from '../base/places.js';

const NAME = 'sandbox';
export const NAME_ENV = { USER: NAME, LOGNAME: NAME };

/**
 * Creates passwd and group files for one sandbox, in its own directory. They are not shared, because file locks on a
 * shared file would be a channel between sandboxes.
 *
 * @param user `uid:gid` or `uid`; anything else is a name in the image
 * @param directory directory of the sandbox, removed with it
 * @returns `undefined` if the image has both names
 */
export async function nameUser(
  backend: Backend,
  image: ResolvedImage,
  user: string,
  directory: string,
  instance: string,
): Promise<UserFiles | undefined> {
  const [, uid, gid = uid] = /^(\d+)(?::(\d+))?$/.exec(user) ?? [];
  if (uid === undefined) return undefined;
  // Read one after the other: each file of an image that is not cached yet is read through a container.
  const passwd = await backend.imageFile(image, '/etc/passwd', instance);
  const group = await backend.imageFile(image, '/etc/group', instance);
  const entries = withNames({ passwd, group }, uid, gid!);
  if (!entries) return undefined;
  const own = join(directory, 'names');
  await mkdir(own, { mode: 0o700 });
  const put = async (name: string, content: string) => {
    const path = join(own, name);
    await writeFile(path, content, { flag: 'wx' });
    // The umask may have removed permissions.
    await chmod(path, 0o644);
    return path;
  };
  return { passwd: await put('passwd', entries.passwd), group: await put('group', entries.group) };
}

/**
 * Returns the files with an entry for each id that lacks one; `undefined` if both ids have one. The new entry comes
 * first.
 */
export function withNames(
  { passwd, group }: { passwd: string; group: string },
  uid: string,
  gid: string,
): { passwd: string; group: string } | undefined {
  const hasUser = idsOf(passwd).has(uid);
  const hasGroup = idsOf(group).has(gid);
  if (hasUser && hasGroup) return undefined;
  return {
    passwd: hasUser ? passwd : `${NAME}:x:${uid}:${gid}::${HOME}:/bin/sh\n${passwd}`,
    group: hasGroup ? group : `${NAME}:x:${gid}:\n${group}`,
  };
}

/** Returns the ids of a passwd or group file: both have the id in the third field (passwd(5), group(5)). */
const idsOf = (file: string): Set<string | undefined> => new Set(file.split('\n').map((line) => line.split(':')[2]));
