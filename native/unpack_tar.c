/* Reads tar headers: V7, ustar, GNU (long names, sparse), PAX (also its three sparse forms). */
#include "unpack_tar.h"

#include <stdlib.h>
#include <string.h>

#include "unpack_input.h"
#include "unpack_pax.h"
#include "unpack_report.h"

/* Offsets of fields, POSIX.1-1988 and GNU tar's tar.h. */
enum {
  AT_NAME = 0,
  AT_MODE = 100,
  AT_UID = 108,
  AT_GID = 116,
  AT_SIZE = 124,
  AT_MTIME = 136,
  AT_CHECKSUM = 148,
  AT_TYPE = 156,
  AT_LINK = 157,
  AT_MAGIC = 257,
  AT_MAJOR = 329,
  AT_MINOR = 337,
  AT_PREFIX = 345,
  AT_GNU_SPARSE = 386,
  AT_GNU_EXTENDED = 482,
  AT_GNU_REAL_SIZE = 483,
  AT_SPARSE_EXTENDED = 504,
  AT_STAR_MAGIC = 508,
  GNU_SPARSE_SLOTS = 4,
  GNU_SPARSE_EXTENSION_SLOTS = 21,
  MAX_LONG_NAME = 64 << 10,
  MAX_REGIONS = 1 << 20,
};

static struct pax pax;
static char *long_name, *long_link;

static int64_t parse_base256(const unsigned char *field, size_t width) {
  bool negative = (field[0] & 0x40) != 0;
  uint64_t value = negative ? ~UINT64_C(0) << 6 | (field[0] & 0x3f) : field[0] & 0x3f;

  for (size_t i = 1; i < width; i++) {
    uint64_t top = value >> 55;

    if (top != 0 && top != 0x1ff) unpack_die(0, "a number in the header is out of range", NULL);
    value = value << 8 | field[i];
  }
  if (negative != (value >> 63 != 0)) unpack_die(0, "a number in the header is out of range", NULL);
  return (int64_t)value;
}

static int64_t parse_number(const unsigned char *field, size_t width) {
  size_t i = 0;
  uint64_t value = 0;

  if ((field[0] & 0x80) != 0) return parse_base256(field, width);
  while (i < width && field[i] == ' ') i++;
  for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
    value = value << 3 | (unsigned)(field[i] - '0'); /* 12 digits at most: 36 bits */
  if (i < width && field[i] != '\0' && field[i] != ' ') unpack_die(0, "a number in the header is malformed", NULL);
  return (int64_t)value;
}

static uint64_t parse_unsigned(const unsigned char *field, size_t width, uint64_t max) {
  int64_t value = parse_number(field, width);

  if (value < 0 || (uint64_t)value > max) unpack_die(0, "a number in the header is out of range", NULL);
  return (uint64_t)value;
}

static char *fixed_text(const unsigned char *field, size_t width) {
  return unpack_strdup((const char *)field, strnlen((const char *)field, width));
}

/* POSIX sums unsigned bytes; some old programs summed signed ones. */
static void check_sum(const unsigned char *block) {
  int64_t expected = parse_number(block + AT_CHECKSUM, 8), as_unsigned = 0, as_signed = 0;

  for (int i = 0; i < TAR_BLOCK; i++) {
    unsigned char c = i >= AT_CHECKSUM && i < AT_CHECKSUM + 8 ? ' ' : block[i];

    as_unsigned += c;
    as_signed += (signed char)c;
  }
  if (expected != as_unsigned && expected != as_signed)
    unpack_die(0, "the checksum of a header is wrong: not a tar archive, or damaged", NULL);
}

static bool is_zero(const unsigned char *block) {
  for (int i = 0; i < TAR_BLOCK; i++)
    if (block[i] != 0) return false;
  return true;
}

void tar_pad(uint64_t size) {
  unpack_input_skip((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}

static char *read_long(char *old, uint64_t size) {
  char *text;

  if (size > MAX_LONG_NAME) unpack_die(0, "a long name is longer than 64 KiB", NULL);
  free(old);
  text = unpack_alloc(NULL, (size_t)size + 1);
  unpack_input_exact(text, (size_t)size);
  text[size] = '\0';
  tar_pad(size);
  return text;
}

void tar_add_region(struct tar_entry *entry, uint64_t offset, uint64_t size) {
  if (entry->region_count >= MAX_REGIONS) unpack_die(0, "a sparse file has too many regions", NULL);
  if (entry->region_count == entry->region_room) {
    entry->region_room = entry->region_room == 0 ? 64 : entry->region_room * 2;
    entry->regions = unpack_alloc(entry->regions, entry->region_room * sizeof *entry->regions);
  }
  entry->regions[entry->region_count++] = (struct tar_region){offset, size};
}

static void read_sparse_slots(struct tar_entry *entry, const unsigned char *slots, int count) {
  for (int i = 0; i < count; i++, slots += 24)
    if (slots[0] != '\0' || slots[12] != '\0')
      tar_add_region(entry, parse_unsigned(slots, 12, INT64_MAX), parse_unsigned(slots + 12, 12, INT64_MAX));
}

static void read_gnu_sparse(struct tar_entry *entry, const unsigned char *header) {
  unsigned char block[TAR_BLOCK];
  bool more = header[AT_GNU_EXTENDED] != 0;

  entry->sparse = true;
  entry->region_count = 0;
  entry->real_size = parse_unsigned(header + AT_GNU_REAL_SIZE, 12, INT64_MAX);
  read_sparse_slots(entry, header + AT_GNU_SPARSE, GNU_SPARSE_SLOTS);
  while (more) {
    unpack_input_exact(block, sizeof block);
    read_sparse_slots(entry, block, GNU_SPARSE_EXTENSION_SLOTS);
    more = block[AT_SPARSE_EXTENDED] != 0;
  }
}

static void check_regions(const struct tar_entry *entry) {
  uint64_t end = 0, sum = 0;

  for (size_t i = 0; i < entry->region_count; i++) {
    const struct tar_region *region = &entry->regions[i];

    if (region->offset < end || region->size > INT64_MAX - region->offset)
      unpack_die(0, "the map of a sparse file is malformed", NULL);
    end = region->offset + region->size;
    sum += region->size;
  }
  if (end > entry->real_size || sum != entry->size)
    unpack_die(0, "the map of a sparse file does not match its size", NULL);
}

static char *header_path(const unsigned char *block) {
  bool posix = memcmp(block + AT_MAGIC, "ustar", 6) == 0;
  bool star = posix && memcmp(block + AT_STAR_MAGIC, "tar", 4) == 0;
  char *name = fixed_text(block + AT_NAME, 100), *prefix, *path;
  size_t size;

  if (!posix || block[AT_PREFIX] == '\0') return name;
  prefix = fixed_text(block + AT_PREFIX, star ? 131 : 155);
  size = strlen(prefix) + strlen(name) + 2;
  path = unpack_alloc(NULL, size);
  stpcpy(stpcpy(stpcpy(path, prefix), "/"), name);
  free(prefix);
  free(name);
  return path;
}

static enum tar_type entry_type(unsigned char type, const char *path) {
  size_t length = strlen(path);

  switch (type) {
  case '\0':
  case '0':
  case '7':
    return length > 0 && path[length - 1] == '/' ? TAR_DIRECTORY : TAR_FILE; /* V7 had no type for directories */
  case 'S':
    return TAR_FILE;
  case '1':
    return TAR_HARDLINK;
  case '2':
    return TAR_SYMLINK;
  case '3':
    return TAR_CHAR;
  case '4':
    return TAR_BLOCKDEV;
  case '5':
  case 'D':
    return TAR_DIRECTORY;
  case '6':
    return TAR_FIFO;
  default:
    unpack_die(0, "an entry has a type that is not supported", path);
  }
}

static void apply_pax(struct tar_entry *entry) {
  if (pax.sparse_name != NULL || pax.path != NULL) {
    const char *path = pax.sparse_name != NULL ? pax.sparse_name : pax.path;

    free(entry->path);
    entry->path = unpack_strdup(path, strlen(path));
  }
  if (pax.link != NULL) {
    free(entry->link);
    entry->link = unpack_strdup(pax.link, strlen(pax.link));
  }
  if (pax.has_size) entry->size = pax.size;
  if (pax.has_uid) entry->uid = (uint32_t)pax.uid;
  if (pax.has_gid) entry->gid = (uint32_t)pax.gid;
  if (pax.has_mtime) {
    entry->mtime = pax.mtime;
    entry->mtime_ns = pax.mtime_ns;
  }
  entry->has_atime = pax.has_atime;
  entry->atime = pax.atime;
  entry->atime_ns = pax.atime_ns;
}

static void read_pax_sparse(struct tar_entry *entry) {
  if (pax.sparse_major > 1 || (pax.sparse_major == 1 && pax.sparse_minor != 0))
    unpack_die(0, "a sparse file has a format that is not supported", NULL);
  if (pax.sparse_major == 0 && !pax.has_map) return;
  if (!pax.has_real_size) unpack_die(0, "a sparse file has no size", NULL);
  entry->sparse = true;
  entry->real_size = pax.real_size;
  if (pax.sparse_major == 1) {
    uint64_t used;

    entry->region_count = 0;
    used = pax_read_map(entry);
    if (used > entry->size) unpack_die(0, "the map of a sparse file does not match its size", NULL);
    entry->size -= used;
  }
}

static void fill_entry(struct tar_entry *entry, const unsigned char *block) {
  unsigned char type = block[AT_TYPE];

  entry->path = long_name != NULL ? long_name : header_path(block);
  entry->link = long_link != NULL ? long_link : fixed_text(block + AT_LINK, 100);
  long_name = long_link = NULL;
  entry->mode = (uint32_t)parse_number(block + AT_MODE, 8) & 07777;
  entry->uid = (uint32_t)parse_unsigned(block + AT_UID, 8, UINT32_MAX - 1);
  entry->gid = (uint32_t)parse_unsigned(block + AT_GID, 8, UINT32_MAX - 1);
  entry->mtime = parse_number(block + AT_MTIME, 12);
  entry->mtime_ns = 0;
  entry->sparse = false;
  apply_pax(entry);
  unpack_set_entry(entry->path);
  entry->type = entry_type(type, entry->path);
  if (entry->type == TAR_CHAR || entry->type == TAR_BLOCKDEV) {
    entry->major = (uint32_t)parse_unsigned(block + AT_MAJOR, 8, UINT32_MAX);
    entry->minor = (uint32_t)parse_unsigned(block + AT_MINOR, 8, UINT32_MAX);
  }
  if (pax.is_socket && entry->type == TAR_FILE && entry->size == 0) entry->type = TAR_SOCKET;
  if (entry->type == TAR_HARDLINK) /* as GNU tar: some writers put the target's size here, without data */
    entry->size = 0;
  if (type == 'S')
    read_gnu_sparse(entry, block);
  else if (entry->type == TAR_FILE)
    read_pax_sparse(entry);
  if (entry->sparse) {
    check_regions(entry);
  } else { /* a map of what is no file means nothing, and has not been looked at */
    entry->real_size = entry->size;
    entry->region_count = 0;
  }
}

static void forget_locals(struct tar_entry *entry) {
  free(entry->path);
  free(entry->link);
  entry->path = entry->link = NULL;
  entry->region_count = entry->xattr_count = 0;
  unpack_set_entry("");
  pax_reset(&pax);
}

uint64_t tar_first(const char *path, uint64_t max) {
  unsigned char block[TAR_BLOCK];

  unpack_input_exact(block, sizeof block);
  if (strncmp((const char *)block + AT_NAME, path, 100) != 0 || block[AT_TYPE] != '0' || block[AT_PREFIX] != '\0')
    unpack_die(0, "the archive does not begin with its manifest", path);
  check_sum(block);
  return parse_unsigned(block + AT_SIZE, 12, max);
}

bool tar_next(struct tar_entry *entry) {
  unsigned char block[TAR_BLOCK];

  forget_locals(entry);
  for (;;) {
    unpack_input_exact(block, sizeof block);
    if (is_zero(block)) return false;
    check_sum(block);
    entry->size = parse_unsigned(block + AT_SIZE, 12, INT64_MAX);
    switch (block[AT_TYPE]) {
    case 'L':
      long_name = read_long(long_name, entry->size);
      break;
    case 'K':
      long_link = read_long(long_link, entry->size);
      break;
    case 'x':
    case 'X':
      pax_read(&pax, entry, PAX_LOCAL, entry->size);
      break;
    case 'g':
      pax_read(&pax, entry, PAX_GLOBAL, entry->size);
      break;
    case 'V': /* a volume's label */
      unpack_input_skip(entry->size);
      tar_pad(entry->size);
      break;
    default:
      fill_entry(entry, block);
      return true;
    }
  }
}
