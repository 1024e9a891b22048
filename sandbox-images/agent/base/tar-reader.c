#define _GNU_SOURCE
#include "base/tar-reader.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

#define BLOCK 512u
#define PAX_MAX (64u * 1024)
/* Maximum number of headers before an entry. One pax header for the archive and one for the entry are normal; an
 * endless row is an attack. */
#define EXTENSIONS_MAX 16

enum field { NAME = 0, MODE = 100, SIZE = 124, MTIME = 136, CHECKSUM = 148, TYPE = 156, LINK = 157, MAGIC = 257, PREFIX = 345 };

static long fill(struct tar_reader *r, void *buffer, size_t length) {
    long n = r->read(r->context, buffer, length);
    if (n < 0) return n;
    return (size_t)n == length ? 0 : -ECANCELED;
}

static long skip(struct tar_reader *r) {
    uint8_t block[BLOCK];
    uint64_t left = r->left + r->padding;
    while (left > 0) {
        size_t n = left < BLOCK ? (size_t)left : BLOCK;
        long error = fill(r, block, n);
        if (error != 0) return error;
        left -= n;
    }
    r->left = 0;
    r->padding = 0;
    return 0;
}

static void begin_content(struct tar_reader *r, uint64_t size) {
    r->left = size;
    r->padding = (uint32_t)((BLOCK - size % BLOCK) % BLOCK);
}

/* Parses octal digits with blanks around them, or GNU's base 256 with the top bit set. */
static bool parse_number(const uint8_t *at, size_t size, uint64_t *out) {
    uint64_t value = 0;
    if ((at[0] & 0x80) != 0) {
        value = at[0] & 0x7f;
        for (size_t i = 1; i < size; i++) {
            if (value >> 55 != 0) return false;
            value = value << 8 | at[i];
        }
        *out = value;
        return true;
    }
    size_t from = 0, to;
    while (from < size && at[from] == ' ') from++;
    for (to = from; to < size && at[to] >= '0' && at[to] <= '7'; to++) value = value << 3 | (uint64_t)(at[to] - '0');
    if (to < size && at[to] != ' ' && at[to] != '\0') return false;
    *out = value;
    return true;
}

static bool has_valid_checksum(const uint8_t *block) {
    uint64_t want;
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++) sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : block[i];
    return parse_number(block + CHECKSUM, 8, &want) && want == sum;
}

static bool is_zero(const uint8_t *block) {
    for (size_t i = 0; i < BLOCK; i++) {
        if (block[i] != 0) return false;
    }
    return true;
}

static void copy_field(char *out, const uint8_t *field, size_t size) {
    size_t length = strnlen((const char *)field, size);
    memcpy(out, field, length);
    out[length] = '\0';
}

static void copy_name(char *out, const uint8_t *block) {
    bool ustar = memcmp(block + MAGIC, "ustar", 6) == 0;
    size_t used = 0;
    if (ustar && block[PREFIX] != '\0') {
        copy_field(out, block + PREFIX, 155);
        used = strlen(out);
        out[used++] = '/';
    }
    copy_field(out + used, block + NAME, 100);
}

static bool set_text(char *out, const char *value, size_t length) {
    if (length >= PATH_MAX || memchr(value, '\0', length) != NULL) return false;
    memcpy(out, value, length);
    out[length] = '\0';
    return true;
}

/* Parses whole seconds; the fraction is dropped. */
static bool parse_time(const char *value, size_t length, int64_t *out) {
    uint64_t seconds;
    bool negative = length > 0 && value[0] == '-';
    if (negative) {
        value++;
        length--;
    }
    const char *point = length == 0 ? NULL : memchr(value, '.', length);
    if (!parse_u64(value, point == NULL ? length : (size_t)(point - value), 10, INT32_MAX * UINT64_C(1024), &seconds)) {
        return false;
    }
    *out = negative ? -(int64_t)seconds : (int64_t)seconds;
    return true;
}

static bool key_is(const char *key, size_t length, const char *want) {
    return strlen(want) == length && memcmp(key, want, length) == 0;
}

static bool take_record(struct tar_reader *r, struct tar_entry *out, const char *key, size_t key_length,
                        const char *value, size_t length) {
    if (key_is(key, key_length, "path")) return r->has_path = set_text(out->path, value, length);
    if (key_is(key, key_length, "linkpath")) return r->has_link = set_text(out->link, value, length);
    if (key_is(key, key_length, "size")) return r->has_size = parse_u64(value, length, 10, INT64_MAX, &r->pax_size);
    if (key_is(key, key_length, "mtime")) return r->has_mtime = parse_time(value, length, &r->pax_mtime);
    /* Refuse sparse files: their content differs from the stated size. */
    return key_length < 10 || memcmp(key, "GNU.sparse", 10) != 0;
}

/* Parses consecutive `length key=value\n` records. */
static bool take_records(struct tar_reader *r, struct tar_entry *out, const char *text, size_t left) {
    while (left > 0) {
        uint64_t length;
        const char *blank = memchr(text, ' ', left);
        if (blank == NULL || !parse_u64(text, (size_t)(blank - text), 10, left, &length)) return false;
        size_t head = (size_t)(blank - text) + 1;
        if (length <= head || text[length - 1] != '\n') return false;
        size_t body = (size_t)length - head - 1;
        const char *equals = body == 0 ? NULL : memchr(blank + 1, '=', body);
        if (equals == NULL) return false;
        size_t key = (size_t)(equals - blank - 1);
        if (!take_record(r, out, blank + 1, key, equals + 1, body - key - 1)) return false;
        text += length;
        left -= (size_t)length;
    }
    return true;
}

static long read_extension(struct tar_reader *r, struct tar_entry *out) {
    static char text[PAX_MAX];
    size_t size = (size_t)r->left;
    if (r->left > PAX_MAX) return -EINVAL;
    long error = fill(r, text, size);
    if (error != 0) return error;
    r->left = 0;
    return take_records(r, out, text, size) ? 0 : -EINVAL;
}

static bool has_content(char type) {
    return type == '0';
}

static bool parse_header(struct tar_reader *r, const uint8_t *block, struct tar_entry *out) {
    uint64_t mode, size, mtime;
    if (!has_valid_checksum(block)) return false;
    if (!parse_number(block + MODE, 8, &mode) || !parse_number(block + SIZE, 12, &size)) return false;
    if (!parse_number(block + MTIME, 12, &mtime) || size > INT64_MAX) return false;
    out->type = (char)block[TYPE];
    out->mode = (uint32_t)mode & 07777;
    out->size = size;
    if (out->type == 'x' || out->type == 'g') return true;
    if (r->has_size) out->size = r->pax_size;
    out->mtime = r->has_mtime ? r->pax_mtime : (int64_t)(mtime & INT64_MAX);
    if (!r->has_path) copy_name(out->path, block);
    if (!r->has_link) copy_field(out->link, block + LINK, 100);
    if (out->type == '\0' || out->type == '7') out->type = '0';
    size_t length = strlen(out->path);
    if (out->type == '0' && length > 0 && out->path[length - 1] == '/') out->type = '5';
    return true;
}

int tar_next(struct tar_reader *r, struct tar_entry *out) {
    uint8_t block[BLOCK];
    r->has_path = r->has_link = r->has_size = r->has_mtime = false;
    for (r->extensions = 0; r->extensions <= EXTENSIONS_MAX; r->extensions++) {
        long error = skip(r);
        if (error == 0) error = fill(r, block, BLOCK);
        if (error != 0) return (int)error;
        if (is_zero(block)) return 0;
        if (!parse_header(r, block, out)) return -EINVAL;
        if (out->type != 'x' && out->type != 'g') {
            if (!has_content(out->type)) out->size = 0;
            begin_content(r, out->size);
            return 1;
        }
        begin_content(r, out->size);
        /* Skip a global header: it holds only comments and times of the whole archive. */
        if (out->type == 'g' && out->size > PAX_MAX) return -EINVAL;
        error = out->type == 'x' ? read_extension(r, out) : 0;
        if (error != 0) return (int)error;
    }
    return -EINVAL;
}

long tar_content(struct tar_reader *r, void *buffer, size_t length) {
    if (length > r->left) length = (size_t)r->left;
    if (length == 0) return 0;
    long error = fill(r, buffer, length);
    if (error != 0) return error;
    r->left -= length;
    return (long)length;
}

int tar_clean_path(const char *path, char out[PATH_MAX]) {
    size_t used = 0;
    if (path[0] == '/') return EXDEV;
    while (*path != '\0') {
        size_t length = strcspn(path, "/");
        bool self = length == 0 || (length == 1 && path[0] == '.');
        if (length == 2 && path[0] == '.' && path[1] == '.') return EXDEV;
        if (!self) {
            if (used + length + 2 > PATH_MAX) return ENAMETOOLONG;
            if (used > 0) out[used++] = '/';
            memcpy(out + used, path, length);
            used += length;
        }
        path += length + (path[length] == '/' ? 1 : 0);
    }
    out[used] = '\0';
    return 0;
}

bool tar_link_stays(const char *path, const char *target) {
    long depth = 0;
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) depth++;
    if (target[0] == '/' || target[0] == '\0') return false;
    while (*target != '\0') {
        size_t length = strcspn(target, "/");
        if (length == 2 && target[0] == '.' && target[1] == '.') {
            depth--;
        } else if (length > 0 && !(length == 1 && target[0] == '.')) {
            depth++;
        }
        if (depth < 0) return false;
        target += length + (target[length] == '/' ? 1 : 0);
    }
    return true;
}
