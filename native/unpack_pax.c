/* PAX records: `LENGTH key=value\n` (pax(1), "pax Extended Header"). */
#include "unpack_pax.h"

#include <stdlib.h>
#include <string.h>

#include "unpack_input.h"
#include "unpack_report.h"

enum { MAX_PAX = 8 << 20, MAX_XATTRS = 4096, MAX_MAP_LINE = 24 };

static const char xattr_prefix[] = "SCHILY.xattr.";

_Noreturn static void malformed(void) {
  unpack_die(0, "a PAX header is malformed", NULL);
}

static uint64_t parse_decimal(const char *text, const char **end) {
  uint64_t value = 0;

  if (*text < '0' || *text > '9') malformed();
  for (; *text >= '0' && *text <= '9'; text++) {
    if (value > (INT64_MAX - 9) / 10) unpack_die(0, "a number in a PAX header is out of range", NULL);
    value = value * 10 + (unsigned)(*text - '0');
  }
  *end = text;
  return value;
}

static uint64_t parse_whole(const char *text) {
  const char *end;
  uint64_t value = parse_decimal(text, &end);

  if (*end != '\0') malformed();
  return value;
}

static uint64_t parse_id(const char *text) {
  uint64_t value = parse_whole(text);

  if (value >= UINT32_MAX) /* -1 means "leave alone" to chown(2) */
    unpack_die(0, "an owner in a PAX header is out of range", NULL);
  return value;
}

/* Seconds with a fraction, maybe negative: -1.25 is the second -2 plus 0.75. */
static void parse_time(const char *text, int64_t *whole, uint32_t *nanoseconds) {
  bool negative = *text == '-';
  const char *end;
  uint64_t seconds = parse_decimal(text + negative, &end);
  uint32_t ns = 0, unit = 100000000;

  if (*end == '.')
    for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10) ns += (uint32_t)(*end - '0') * unit;
  if (*end != '\0') malformed();
  *whole = negative ? -(int64_t)seconds - (ns != 0) : (int64_t)seconds;
  *nanoseconds = negative && ns != 0 ? 1000000000 - ns : ns;
}

static void add_xattr(struct tar_entry *entry, const char *name, const char *value, size_t size) {
  if (entry->xattr_count >= MAX_XATTRS) unpack_die(0, "an entry has too many extended attributes", NULL);
  if (entry->xattr_count == entry->xattr_room) {
    entry->xattr_room = entry->xattr_room == 0 ? 8 : entry->xattr_room * 2;
    entry->xattrs = unpack_alloc(entry->xattrs, entry->xattr_room * sizeof *entry->xattrs);
  }
  entry->xattrs[entry->xattr_count++] = (struct tar_xattr){name, value, size};
}

/* Format 0.1: all pairs in one value, separated by commas. */
static void parse_map(struct tar_entry *entry, const char *text) {
  entry->region_count = 0;
  while (*text != '\0') {
    uint64_t offset = parse_decimal(text, &text);

    if (*text != ',') malformed();
    tar_add_region(entry, offset, parse_decimal(text + 1, &text));
    if (*text == ',')
      text++;
    else if (*text != '\0')
      malformed();
  }
}

static void sparse_record(struct pax *pax, struct tar_entry *entry, const char *key, const char *value) {
  if (strcmp(key, "major") == 0)
    pax->sparse_major = (unsigned)(parse_whole(value) & 0xffff);
  else if (strcmp(key, "minor") == 0)
    pax->sparse_minor = (unsigned)(parse_whole(value) & 0xffff);
  else if (strcmp(key, "name") == 0)
    pax->sparse_name = value;
  else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
    pax->real_size = parse_whole(value);
    pax->has_real_size = true;
  } else if (strcmp(key, "map") == 0) {
    parse_map(entry, value);
    pax->has_map = true;
  } else if (strcmp(key, "offset") == 0) /* format 0.0: pairs of records */
  {
    pax->pending_offset = parse_whole(value);
    pax->has_pending_offset = true;
  } else if (strcmp(key, "numbytes") == 0) {
    if (!pax->has_pending_offset) malformed();
    tar_add_region(entry, pax->pending_offset, parse_whole(value));
    pax->has_pending_offset = false;
    pax->has_map = true;
  }
}

/* An empty value takes an earlier one back. */
static void plain_record(struct pax *pax, enum pax_scope scope, const char *key, const char *value) {
  bool given = *value != '\0';

  if (strcmp(key, "uid") == 0 && (pax->has_uid = given))
    pax->uid = parse_id(value);
  else if (strcmp(key, "gid") == 0 && (pax->has_gid = given))
    pax->gid = parse_id(value);
  else if (strcmp(key, "mtime") == 0) {
    pax->has_mtime = given;
    if (given) parse_time(value, &pax->mtime, &pax->mtime_ns);
  } else if (strcmp(key, "atime") == 0) {
    pax->has_atime = given;
    if (given) parse_time(value, &pax->atime, &pax->atime_ns);
  } else if (strcmp(key, "SCHILY.filetype") == 0) /* star(5) */
    pax->is_socket = scope == PAX_LOCAL && strcmp(value, "socket") == 0;
  else if (strcmp(key, "path") == 0 || strcmp(key, "linkpath") == 0 || strcmp(key, "size") == 0) {
    if (scope == PAX_GLOBAL) unpack_die(0, "a global PAX header sets a name or size", NULL);
    if (key[0] == 'p')
      pax->path = given ? value : NULL;
    else if (key[0] == 'l')
      pax->link = given ? value : NULL;
    else if ((pax->has_size = given))
      pax->size = parse_whole(value);
  }
}

static void record(struct pax *pax, struct tar_entry *entry, enum pax_scope scope, char *key, size_t key_size,
                   char *value, size_t size) {
  key[key_size] = '\0';
  value[size] = '\0';
  if (strncmp(key, xattr_prefix, sizeof xattr_prefix - 1) == 0) {
    if (scope == PAX_LOCAL) add_xattr(entry, key + sizeof xattr_prefix - 1, value, size);
    return;
  }
  if (strlen(key) != key_size || strlen(value) != size) unpack_die(0, "a PAX header has a NUL in a value", NULL);
  if (strncmp(key, "GNU.sparse.", 11) == 0) {
    if (scope == PAX_LOCAL) sparse_record(pax, entry, key + 11, value);
  } else
    plain_record(pax, scope, key, value);
}

static void parse_records(struct pax *pax, struct tar_entry *entry, enum pax_scope scope, char *text, size_t size) {
  while (size > 0) {
    const char *end;
    char *key, *equals;
    uint64_t length;

    if (*text == '\0') /* some writers pad with NULs */
      return;
    length = parse_decimal(text, &end); /* ends within the text: there is a NUL behind it */
    if (*end != ' ' || length > size || length < (size_t)(end - text) + 3 || text[length - 1] != '\n') malformed();
    key = text + (end - text) + 1;
    equals = memchr(key, '=', (size_t)(text + length - key));
    if (equals == NULL || equals == key) malformed();
    record(pax, entry, scope, key, (size_t)(equals - key), equals + 1, (size_t)(text + length - 1 - equals - 1));
    text += length;
    size -= length;
  }
}

static struct pax globals;

void pax_reset(struct pax *pax) {
  free(pax->text);
  *pax = globals;
}

void pax_read(struct pax *pax, struct tar_entry *entry, enum pax_scope scope, uint64_t size) {
  char *text;

  if (size > MAX_PAX) unpack_die(0, "a PAX header is larger than 8 MiB", NULL);
  if (scope == PAX_LOCAL && pax->text != NULL) unpack_die(0, "an entry has two PAX headers", NULL);
  text = unpack_alloc(NULL, (size_t)size + 1);
  unpack_input_exact(text, (size_t)size);
  text[size] = '\0';
  tar_pad(size);
  parse_records(scope == PAX_GLOBAL ? &globals : pax, entry, scope, text, (size_t)size);
  if (scope == PAX_LOCAL) {
    pax->text = text;
    return;
  }
  free(text);
  if (pax->text == NULL) *pax = globals; /* it counts from the next entry on */
}

static uint64_t map_number(unsigned char *block, size_t *at, uint64_t *used) {
  char line[MAX_MAP_LINE];
  size_t length = 0;

  for (;;) {
    if (*at == TAR_BLOCK) {
      unpack_input_exact(block, TAR_BLOCK);
      *at = 0;
      *used += TAR_BLOCK;
    }
    if (block[*at] == '\n') break;
    if (length + 1 == sizeof line) malformed();
    line[length++] = (char)block[(*at)++];
  }
  (*at)++;
  line[length] = '\0';
  return parse_whole(line);
}

uint64_t pax_read_map(struct tar_entry *entry) {
  unsigned char block[TAR_BLOCK];
  size_t at = TAR_BLOCK;
  uint64_t used = 0, count = map_number(block, &at, &used);

  for (uint64_t i = 0; i < count; i++) {
    uint64_t offset = map_number(block, &at, &used);

    tar_add_region(entry, offset, map_number(block, &at, &used));
  }
  return used;
}
