/* Looks up and switches users. glibc's own lookups need shared libraries at run time, which a static binary does not
 * have. */
#ifndef RIPCORD_USER_H
#define RIPCORD_USER_H

#include <stddef.h>
#include <sys/types.h>

#define GROUPS_MAX 64

struct identity {
    uid_t uid;
    gid_t gid;
    size_t group_count;
    gid_t groups[GROUPS_MAX];
};

/* Resolves `name`, `uid`, `name:group` or `uid:gid` with the text of /etc/passwd and /etc/group. Returns 0 or an errno. */
int user_find(const char *passwd, size_t passwd_length, const char *group, size_t group_length, const char *spec,
              struct identity *out);
/* Resolves `spec` with the files of this root, or from memory if it was remembered. Returns 0 or an errno. */
int user_resolve(const char *spec, struct identity *out);
/* Returns the remembered identity of `spec`; NULL if it is not remembered. */
const struct identity *user_known(const char *spec);
/* Remembers the identity of `spec` in this process and its forks, where processes of the sandbox cannot change it as
 * they can change the files. */
void user_remember(const char *spec);
/* Switches to that user for good: groups, ids, without capabilities and without a way to gain any. Returns 0, or -1
 * with errno. */
int user_become(const struct identity *who);
/* Uses that user's file permissions from here on, and none of the user's other rights. 0 and 0 restores root's. */
void user_set_file_rights(uid_t uid, gid_t gid);

#endif
