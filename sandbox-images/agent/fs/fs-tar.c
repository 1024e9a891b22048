/* Implements `tar`: writes a ustar archive, with pax headers for values that do not fit. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "fs/fs-record.h"
#include "fs/fs-walk.h"
#include "fs/fs.h"

#define BLOCK 512u
#define NAME_SIZE 100u
#define OCTAL_11_MAX 077777777777u
#define OCTAL_7_MAX 07777777u

struct header {
    char name[NAME_SIZE];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[NAME_SIZE];
    char magic[6];
    char version[2];
    char user[32];
    char group[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char padding[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

/* Buffer for a path, a link and a few numbers. */
struct pax {
    size_t used;
    char text[2 * PATH_MAX + 512];
};

static void put_octal(char *field, size_t size, uint64_t value) {
    field[size - 1] = '\0';
    for (size_t i = size - 1; i-- > 0; value >>= 3) field[i] = (char)('0' + (value & 7));
}

/* Adds `length key=value\n`. The length includes its own digits. */
static void pax_add(struct pax *pax, const char *key, const char *value, size_t value_length) {
    char digits[21];
    size_t body = strlen(key) + value_length + 3;
    size_t total = body + 1;
    while (total != body + format_u64(digits, total)) total = body + strlen(digits);
    char *at = pax->text + pax->used;
    size_t room = sizeof pax->text - pax->used;
    if (total >= room) fs_fail(ENAMETOOLONG, key, "tar");
    at[0] = '\0';
    text_append(at, room, digits);
    text_append(at, room, " ");
    text_append(at, room, key);
    text_append(at, room, "=");
    size_t used = strlen(at);
    memcpy(at + used, value, value_length);
    at[used + value_length] = '\n';
    pax->used += total;
}

static void pax_add_number(struct pax *pax, const char *key, uint64_t value) {
    char digits[21];
    pax_add(pax, key, digits, format_u64(digits, value));
}

static void put_text(char *field, struct pax *pax, const char *key, const char *text, size_t length) {
    memcpy(field, text, length < NAME_SIZE ? length : NAME_SIZE);
    if (length <= NAME_SIZE) return;
    /* Remove a trailing slash of a truncated name, because some readers would treat it as a directory. */
    if (field[NAME_SIZE - 1] == '/') field[NAME_SIZE - 1] = '\0';
    pax_add(pax, key, text, length);
}

static void put_number(char *field, size_t size, struct pax *pax, const char *key, uint64_t value, uint64_t max) {
    put_octal(field, size, value <= max ? value : 0);
    if (value > max) pax_add_number(pax, key, value);
}

static void pad(uint64_t length) {
    static const uint8_t zeros[BLOCK];
    if (length % BLOCK != 0) out_bytes(zeros, BLOCK - length % BLOCK);
}

static void write_header(struct header *h, char type) {
    unsigned sum = 0;
    h->type = type;
    memcpy(h->magic, "ustar", 6);
    memcpy(h->version, "00", 2);
    memset(h->checksum, ' ', sizeof h->checksum);
    for (size_t i = 0; i < sizeof *h; i++) sum += ((const uint8_t *)h)[i];
    put_octal(h->checksum, 7, sum);
    out_bytes(h, sizeof *h);
}

static void write_pax(const struct pax *pax) {
    struct header h = {.name = "pax"};
    if (pax->used == 0) return;
    put_octal(h.mode, sizeof h.mode, 0644);
    put_octal(h.size, sizeof h.size, pax->used);
    put_octal(h.mtime, sizeof h.mtime, 0);
    write_header(&h, 'x');
    out_bytes(pax->text, pax->used);
    pad(pax->used);
}

static void write_entry(const struct record *r, char type, uint64_t size) {
    static struct pax pax;
    struct header h = {0};
    char path[PATH_MAX + 1] = "";
    pax.used = 0;
    text_append(path, sizeof path, r->path);
    if (type == '5') text_append(path, sizeof path, "/");
    put_text(h.name, &pax, "path", path, strlen(path));
    put_text(h.link, &pax, "linkpath", r->link, r->link_length);
    put_octal(h.mode, sizeof h.mode, r->st.st_mode & 0777);
    put_number(h.uid, sizeof h.uid, &pax, "uid", r->st.st_uid, OCTAL_7_MAX);
    put_number(h.gid, sizeof h.gid, &pax, "gid", r->st.st_gid, OCTAL_7_MAX);
    put_number(h.size, sizeof h.size, &pax, "size", size, OCTAL_11_MAX);
    uint64_t mtime = r->st.st_mtime < 0 ? 0 : (uint64_t)r->st.st_mtime;
    put_number(h.mtime, sizeof h.mtime, &pax, "mtime", mtime, OCTAL_11_MAX);
    write_pax(&pax);
    write_header(&h, type);
}

/* Writes exactly as many bytes as the header states: a shrunk file is filled with zeros, a grown one is truncated. */
static void write_content(int fd, const char *path, uint64_t size) {
    uint64_t left = size;
    while (left > 0) {
        size_t room;
        uint8_t *to = out_space(&room);
        if (room > left) room = (size_t)left;
        ssize_t n = read(fd, to, room);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fs_fail(errno, path, "read");
        if (n == 0) {
            memset(to, 0, room);
            n = (ssize_t)room;
        }
        out_advance((size_t)n);
        left -= (uint64_t)n;
    }
    pad(size);
}

static void write_file(struct record *r, int dir, const char *name, uint64_t *budget) {
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP)) return;
    if (fd < 0 || fstat(fd, &r->st) != 0) fs_fail(errno, r->path, "open");
    uint64_t size = (uint64_t)r->st.st_size;
    if (S_ISREG(r->st.st_mode)) {
        if (size > *budget) fs_fail(EFBIG, r->path, "too many bytes");
        if (*budget != NO_LIMIT) *budget -= size;
        write_entry(r, '0', size);
        write_content(fd, r->path, size);
    }
    (void)close(fd);
}

static void visit_tar(const struct walk *walk, int dir, const char *name, const char *path, const struct stat *st) {
    static struct record record;
    record.st = *st;
    record.path = path;
    record_read_link(&record, dir, name);
    if (S_ISREG(st->st_mode)) {
        write_file(&record, dir, name, walk->context);
    } else if (S_ISDIR(st->st_mode)) {
        write_entry(&record, '5', 0);
    } else if (S_ISLNK(st->st_mode)) {
        write_entry(&record, '2', 0);
    }
}

void fs_tar(const struct fs_arguments *a) {
    static const uint8_t end[2 * BLOCK];
    int top = walk_open_top(argument_text(a, 0));
    uint64_t budget = argument_number(a, 1, NO_LIMIT);
    struct walk walk = {.asked = a->list[0],
                        .depth = NO_LIMIT,
                        .max_entries = argument_number(a, 2, NO_LIMIT),
                        .context = &budget,
                        .visit = visit_tar};
    walk_tree(&walk, top);
    out_bytes(end, sizeof end);
}
