#define _GNU_SOURCE
#include "base/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define FILE_MAX (1u << 20)
#define FIELDS 4
/* (uid_t)-1 means "no change" to the kernel. */
#define ID_MAX 0xfffffffeu

struct text {
    const char *at;
    size_t length;
};

static bool text_is(struct text t, struct text other) {
    return t.length == other.length && memcmp(t.at, other.at, t.length) == 0;
}

static struct text text_until(struct text t, char end) {
    const char *stop = t.length == 0 ? NULL : memchr(t.at, end, t.length);
    return stop == NULL ? t : (struct text){t.at, (size_t)(stop - t.at)};
}

/* Cuts the part before `separator` off `rest`. Returns false at the end. */
static bool next_part(struct text *rest, char separator, struct text *part) {
    if (rest->at == NULL) return false;
    *part = text_until(*rest, separator);
    if (part->length == rest->length) {
        rest->at = NULL;
        rest->length = 0;
    } else {
        rest->at += part->length + 1;
        rest->length -= part->length + 1;
    }
    return true;
}

/* Splits the first four fields of a line of passwd or group. Returns false for a line with fewer. */
static bool split_line(struct text line, struct text fields[FIELDS]) {
    for (int i = 0; i < FIELDS; i++) {
        if (!next_part(&line, ':', &fields[i])) return false;
    }
    return true;
}

static bool parse_id(struct text t, uint32_t *out) {
    uint64_t value;
    if (!parse_u64(t.at, t.length, 10, ID_MAX, &value)) return false;
    *out = (uint32_t)value;
    return true;
}

/* Finds a user by name if `name` is given, else by uid. Sets `name` to the user's name. */
static bool find_passwd(struct text passwd, struct text *name, uint32_t uid, struct identity *out) {
    struct text line;
    struct text field[FIELDS];
    while (next_part(&passwd, '\n', &line)) {
        uint32_t line_uid, line_gid;
        if (!split_line(line, field) || field[0].length == 0) continue;
        if (!parse_id(field[2], &line_uid) || !parse_id(field[3], &line_gid)) continue;
        if (name->at != NULL ? !text_is(field[0], *name) : line_uid != uid) continue;
        *name = field[0];
        out->uid = line_uid;
        out->gid = line_gid;
        return true;
    }
    return false;
}

static bool find_group(struct text group, struct text name, gid_t *gid) {
    struct text line;
    struct text field[FIELDS];
    while (next_part(&group, '\n', &line)) {
        if (split_line(line, field) && text_is(field[0], name) && parse_id(field[2], gid)) return true;
    }
    return false;
}

static bool is_member(struct text members, struct text name) {
    struct text member;
    while (next_part(&members, ',', &member)) {
        if (text_is(member, name)) return true;
    }
    return false;
}

static void find_memberships(struct text group, struct text name, struct identity *out) {
    struct text line;
    struct text field[FIELDS];
    while (out->group_count < GROUPS_MAX && next_part(&group, '\n', &line)) {
        gid_t gid;
        if (!split_line(line, field) || !parse_id(field[2], &gid) || !is_member(field[3], name)) continue;
        out->groups[out->group_count++] = gid;
    }
}

int user_find(const char *passwd, size_t passwd_length, const char *group, size_t group_length, const char *spec,
              struct identity *out) {
    struct text users = {passwd, passwd_length};
    struct text groups = {group, group_length};
    struct text rest = {spec, strlen(spec)};
    struct text user, name = {NULL, 0}, wanted_group;
    uint32_t uid = 0;

    memset(out, 0, sizeof *out);
    if (!next_part(&rest, ':', &user) || user.length == 0) return EINVAL;
    bool numeric = user.at[0] >= '0' && user.at[0] <= '9';
    if (numeric && !parse_id(user, &uid)) return EINVAL;
    if (!numeric) name = user;
    if (!find_passwd(users, &name, uid, out)) {
        if (!numeric) return ENOENT;
        out->uid = uid;
        out->gid = uid;
    }
    if (name.at != NULL) find_memberships(groups, name, out);
    if (!next_part(&rest, ':', &wanted_group)) return 0;
    if (wanted_group.length == 0 || rest.at != NULL) return EINVAL;
    if (wanted_group.at[0] >= '0' && wanted_group.at[0] <= '9') return parse_id(wanted_group, &out->gid) ? 0 : EINVAL;
    return find_group(groups, wanted_group, &out->gid) ? 0 : ENOENT;
}

/* Treat a missing file as empty, because an image need not have users. Refuse other than regular files, because reading
 * them could block. */
static int load(const char *path, char **out, size_t *length) {
    struct stat st;
    int error = 0;
    *out = NULL;
    *length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    if (fstat(fd, &st) != 0) {
        error = errno;
    } else if (!S_ISREG(st.st_mode)) {
        error = EINVAL;
    } else if (st.st_size > (off_t)FILE_MAX) {
        error = EFBIG;
    } else if (st.st_size > 0) {
        size_t size = (size_t)st.st_size;
        char *text = pages_alloc(size);
        ssize_t n = text == NULL ? -1 : read_all(fd, text, size);
        if (n < 0) {
            error = errno;
            pages_free(text, size);
        } else {
            *out = text;
            *length = (size_t)n;
        }
    }
    (void)close(fd);
    return error;
}

static int look_up(const char *spec, struct identity *out) {
    char *passwd = NULL, *group = NULL;
    size_t passwd_length = 0, group_length = 0;
    int error = load(PASSWD, &passwd, &passwd_length);
    if (error == 0) error = load(GROUP, &group, &group_length);
    if (error == 0) error = user_find(passwd, passwd_length, group, group_length, spec, out);
    pages_free(passwd, passwd_length);
    pages_free(group, group_length);
    return error;
}

static struct {
    char spec[64];
    struct identity who;
} known;

const struct identity *user_known(const char *spec) {
    return known.spec[0] != '\0' && strcmp(spec, known.spec) == 0 ? &known.who : NULL;
}

int user_resolve(const char *spec, struct identity *out) {
    const struct identity *who = user_known(spec);
    if (who == NULL) return look_up(spec, out);
    *out = *who;
    return 0;
}

void user_remember(const char *spec) {
    if (user_known(spec) != NULL || strlen(spec) >= sizeof known.spec) return;
    if (!is_read_only(PASSWD) || !is_read_only(GROUP)) return;
    known.spec[0] = '\0';
    if (look_up(spec, &known.who) == 0) strcpy(known.spec, spec);
}

static int drop_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
    memset(none, 0, sizeof none);
    /* Some kernels lack this call. An ambient capability is lost with the permitted set anyway. */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return (int)syscall(SYS_capset, &header, none);
}

int user_become(const struct identity *who) {
    if (setgroups(who->group_count, who->groups) != 0) return -1;
    if (setresgid(who->gid, who->gid, who->gid) != 0) return -1;
    if (setresuid(who->uid, who->uid, who->uid) != 0) return -1;
    /* Set no-new-privs, so that an execve as uid 0 does not regain the bounding set. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    if (drop_capabilities() != 0) return -1;
    /* Changing ids resets the dumpable flag to fs.suid_dumpable. execve turns it on again for readable programs. */
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void user_set_file_rights(uid_t uid, gid_t gid) {
    (void)setfsgid(gid);
    (void)setfsuid(uid);
    /* Changing the file system uid makes a process dumpable according to fs.suid_dumpable. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
