/* Who a command runs as. glibc's own lookups need shared objects at run time, which a static binary has not. */
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

/* `name`, `uid`, `name:group` or `uid:gid` against the text of /etc/passwd and /etc/group. 0 or an errno. */
int user_find(const char *passwd, size_t passwd_length, const char *group, size_t group_length, const char *spec,
              struct identity *out);
/* The same with the files of this root, or as remembered. */
int user_resolve(const char *spec, struct identity *out);
/* Who that is, if it is remembered; else NULL. */
const struct identity *user_known(const char *spec);
/* From here on this process and its forks know that one, where nothing in the sandbox can change the files. */
void user_remember(const char *spec);
/* Becomes that user for good: groups, ids, no capability, no way to gain one. 0, or -1 with errno. */
int user_become(const struct identity *who);
/* Has that user's rights to files from here on, and nothing else of his; 0 and 0 gives root's back. */
void user_set_file_rights(uid_t uid, gid_t gid);

#endif
