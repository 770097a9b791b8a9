/* Writes entries below a root, never outside of it: every name is looked up by openat2 in its parent directory. */
#include "unpack_write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unpack_aside.h"
#include "unpack_confine.h"
#include "unpack_input.h"
#include "unpack_outline.h"
#include "unpack_path.h"
#include "unpack_report.h"
#include "unpack_times.h"
#include "unpack_whiteout.h"

struct unpack_counts unpack_counts;

static const char acl_access[] = "system.posix_acl_access", acl_default[] = "system.posix_acl_default";

static const struct unpack_options *options;
static int root_fd = -1;
/* The process's owner, which is that of what it makes. */
static struct stat born;
/* Something was replaced: the directory that unpack_parent keeps may be reached by another path now. */
static bool replaced;
static const char *current_path;

void unpack_write_init(int root, const struct unpack_options *given) {
  root_fd = root;
  options = given;
  born.st_uid = geteuid();
  born.st_gid = getegid();
  unpack_path_init(root);
}

void unpack_write_skip(const struct tar_entry *entry) {
  unpack_input_skip(entry->size);
  tar_pad(entry->size);
  unpack_counts.skipped++;
}

static uid_t owner_uid(const struct tar_entry *entry) {
  return options->keep_owner ? entry->uid : options->owner_uid;
}

static gid_t owner_gid(const struct tar_entry *entry) {
  return options->keep_owner ? entry->gid : options->owner_gid;
}

/* A set-id bit means something only together with its owner. */
static mode_t entry_mode(const struct tar_entry *entry) {
  return options->keep_owner || entry->type == TAR_DIRECTORY ? entry->mode : entry->mode & 01777;
}

/*
 * Not taken: attributes of the kernel's and of overlay's own use. `user.overlay.*` in a layer would redirect the
 * lookups of every zone that mounts it (overlayfs.rst, userxattr).
 */
static bool xattr_wanted(const char *name) {
  if (strncmp(name, "user.", 5) == 0) return strncmp(name, "user.overlay.", 13) != 0;
  if (strcmp(name, "security.capability") == 0) return options->keep_owner;
  return strcmp(name, acl_access) == 0 || strcmp(name, acl_default) == 0;
}

/* What lies in a directory with a default ACL is born with one, and with what that leaves of its mode (acl(5)). */
static bool is_acl_inherited;

/* Of what FD is, or, if it is -1, of NAME in the working directory. */
static void shed_acl(int fd, const char *name, const char *acl) {
  if ((fd >= 0 ? fremovexattr(fd, acl) : lremovexattr(name, acl)) < 0 && errno != ENODATA && errno != ENOTSUP)
    unpack_die(errno, "remove an inherited ACL", NULL);
}

static int set_xattr(int fd, const char *name, const struct tar_xattr *xattr) {
  return fd >= 0 ? fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0)
                 : lsetxattr(name, xattr->name, xattr->value, xattr->size, 0);
}

/* Of the root of a layer it would mean something that overlay does not know. */
static bool is_opaque_mark(const struct tar_xattr *xattr, const struct tar_entry *entry) {
  return options->marks && entry->type == TAR_DIRECTORY && *current_path != '\0' && xattr->size == 1 &&
         xattr->value[0] == 'y' && strcmp(xattr->name, "user.overlay.opaque") == 0;
}

static void set_xattrs(int fd, const char *name, const struct tar_entry *entry) {
  for (size_t i = 0; i < entry->xattr_count; i++) {
    const struct tar_xattr *xattr = &entry->xattrs[i];

    is_acl_inherited = is_acl_inherited || strcmp(xattr->name, acl_default) == 0;
    if (!xattr_wanted(xattr->name) && !is_opaque_mark(xattr, entry))
      unpack_counts.skipped_xattrs++;
    else if (set_xattr(fd, name, xattr) < 0) {
      /* EPERM: the payload of a zone that has not got the capability. */
      if (errno != ENOTSUP && errno != EPERM) unpack_die(errno, "set an extended attribute", NULL);
      unpack_counts.skipped_xattrs++;
    }
  }
}

static bool is_owned(const struct stat *st, const struct tar_entry *entry) {
  const uid_t uid = owner_uid(entry);
  const gid_t gid = owner_gid(entry);

  return (uid == UINT32_MAX || uid == st->st_uid) && (gid == UINT32_MAX || gid == st->st_gid);
}

/*
 * chown clears set-id bits and file capabilities, so it comes first. What is as it should be is not set: each change of an inode is
 * a transaction of the file system's.
 */
static void set_attributes(int fd, const struct tar_entry *entry) {
  const struct unpack_times times = unpack_times_of(entry);
  struct stat st;
  bool is_owner_set;

  if (fstat(fd, &st) < 0) unpack_die(errno, "look at what was made", NULL);
  is_owner_set = !is_owned(&st, entry);
  if (is_owner_set && fchown(fd, owner_uid(entry), owner_gid(entry)) < 0) unpack_die(errno, "chown", NULL);
  if (is_acl_inherited) {
    shed_acl(fd, NULL, acl_access);
    if (entry->type == TAR_DIRECTORY) shed_acl(fd, NULL, acl_default);
  }
  if ((is_owner_set || is_acl_inherited || (st.st_mode & 07777) != entry_mode(entry)) &&
      fchmod(fd, entry_mode(entry)) < 0)
    unpack_die(errno, "chmod", NULL);
  set_xattrs(fd, NULL, entry);
  if (entry->type != TAR_DIRECTORY && futimens(fd, times.at) < 0) unpack_die(errno, "set the time", NULL);
}

/* The same by name, for what is not opened: links, nodes. */
static void set_attributes_at(int parent, const char *name, const struct tar_entry *entry) {
  const struct unpack_times times = unpack_times_of(entry);

  if (fchownat(parent, name, owner_uid(entry), owner_gid(entry), AT_SYMLINK_NOFOLLOW) < 0)
    unpack_die(errno, "chown", NULL);
  if (entry->type == TAR_SYMLINK)
    unpack_counts.skipped_xattrs += entry->xattr_count;
  else if (entry->xattr_count > 0 || is_acl_inherited) {
    if (fchdir(parent) < 0) unpack_die(errno, "chdir", NULL);
    if (is_acl_inherited) {
      shed_acl(-1, name, acl_access);
      if (fchmodat(parent, name, entry_mode(entry), 0) < 0) unpack_die(errno, "chmod", NULL);
    }
    set_xattrs(-1, name, entry);
  }
  if (utimensat(parent, name, times.at, AT_SYMLINK_NOFOLLOW) < 0) unpack_die(errno, "set the time", NULL);
}

/* Takes away what stands where an entry goes; a directory only if it is empty. */
static void remove_existing(int parent, const char *name) {
  replaced = true;
  if (!unpack_at_whiteout(parent, name)) unpack_outline_broken();
  if (unlinkat(parent, name, 0) < 0) {
    if (errno != EISDIR) unpack_die(errno, "replace", NULL);
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0) unpack_die(errno, "replace a directory", NULL);
  }
}

static void copy_data(int fd, uint64_t offset, uint64_t size) {
  const unsigned char *piece;

  unpack_outline_file(current_path, offset, size);
  unpack_counts.bytes += size;
  while (size > 0) {
    size_t got = unpack_input_piece(&piece, size);

    unpack_write_all(fd, piece, got, "write", NULL);
    size -= got;
  }
}

/* With what is left to do of it: nothing after it looks at the file's content or attributes, and names are made here. */
static void write_aside(int fd, const struct tar_entry *entry) {
  const struct unpack_times times = unpack_times_of(entry);
  const struct unpack_finish finish = {
      owner_uid(entry), owner_gid(entry), entry_mode(entry), {times.at[0], times.at[1]}};
  const unsigned char *piece;

  unpack_outline_file(current_path, 0, entry->size);
  unpack_counts.bytes += entry->size;
  for (uint64_t left = entry->size; left > 0;) {
    const size_t got = unpack_input_piece(&piece, left);

    unpack_aside_write(fd, piece, got, entry->path);
    left -= got;
  }
  tar_pad(entry->size);
  unpack_aside_finish(fd, &finish, entry->path);
}

static void copy_sparse(int fd, const struct tar_entry *entry) {
  for (size_t i = 0; i < entry->region_count; i++) {
    if (lseek(fd, (off_t)entry->regions[i].offset, SEEK_SET) < 0) unpack_die(errno, "seek", NULL);
    copy_data(fd, entry->regions[i].offset, entry->regions[i].size);
  }
  if (ftruncate(fd, (off_t)entry->real_size) < 0) unpack_die(errno, "set the size", NULL);
}

/* Born with its own mode if it is born with its own owner, too; else nobody may open it before it has both. */
static mode_t birth_mode(const struct tar_entry *entry) {
  return is_owned(&born, entry) ? entry_mode(entry) & 0777 : 0600;
}

static void write_file(int parent, const char *name, const struct tar_entry *entry) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const mode_t mode = birth_mode(entry);
  int fd = openat(parent, name, flags, mode);

  if (fd < 0 && errno == EEXIST) {
    remove_existing(parent, name);
    fd = openat(parent, name, flags, mode);
  }
  if (fd < 0) unpack_die(errno, "create a file", NULL);
  if (unpack_aside_is_on() && !entry->sparse && entry->xattr_count == 0 && !is_acl_inherited) {
    write_aside(fd, entry);
    return;
  }
  if (entry->sparse)
    copy_sparse(fd, entry);
  else
    copy_data(fd, 0, entry->size);
  tar_pad(entry->size);
  set_attributes(fd, entry);
  if (close(fd) < 0) unpack_die(errno, "close", NULL);
}

/* True if PATH is a link to a directory that is to stay as it is. */
static bool keeps_symlink(const char *path) {
  int fd;

  if (!options->keep_directory_symlinks) return false;
  fd = unpack_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);
  if (fd < 0) return false;
  close(fd);
  return true;
}

static void write_directory(int parent, const char *name, const char *path, const struct tar_entry *entry) {
  int fd;

  unpack_input_skip(entry->size);
  tar_pad(entry->size);
  if (*name == '\0') /* the root itself */
    name = ".";
  else if (mkdirat(parent, name, 0700) < 0) {
    struct stat st;

    if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      unpack_die(errno, "create a directory", NULL);
    if (S_ISLNK(st.st_mode) && keeps_symlink(path)) return;
    if (!S_ISDIR(st.st_mode)) {
      const bool was_whiteout = unpack_at_whiteout(parent, name);

      remove_existing(parent, name);
      if (mkdirat(parent, name, 0700) < 0) unpack_die(errno, "create a directory", NULL);
      if (was_whiteout) unpack_make_opaque(parent, name);
    }
  }
  fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) unpack_die(errno, "open a directory", NULL);
  set_attributes(fd, entry);
  close(fd);
  unpack_times_add(path, entry);
}

static bool is_same_file(int a, const char *a_name, int b, const char *b_name) {
  struct stat x, y;

  return fstatat(a, a_name, &x, AT_SYMLINK_NOFOLLOW) == 0 && fstatat(b, b_name, &y, AT_SYMLINK_NOFOLLOW) == 0 &&
         x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void write_hardlink(int parent, const char *name, const char *link) {
  char directory[UNPACK_PATH_MAX];
  const char *slash = strrchr(link, '/'), *target = slash == NULL ? link : slash + 1;
  size_t length = slash == NULL ? 0 : (size_t)(slash - link);
  int from;

  memcpy(directory, link, length);
  directory[length] = '\0';
  from = unpack_open_in_root(root_fd, length == 0 ? "." : directory, O_PATH | O_DIRECTORY, 0);
  if (from < 0) unpack_die(errno, "find the target of a hard link", NULL);
  if (linkat(from, target, parent, name, 0) < 0) {
    if (errno == ENOENT && unpack_counts.skipped > 0) /* a link to what was left out is left out */
      unpack_counts.skipped++;
    else if (errno != EEXIST)
      unpack_die(errno, "make a hard link", NULL);
    else if (!is_same_file(from, target, parent, name)) {
      remove_existing(parent, name);
      if (linkat(from, target, parent, name, 0) < 0) unpack_die(errno, "make a hard link", NULL);
    }
  }
  close(from);
}

static void write_symlink(int parent, const char *name, const struct tar_entry *entry) {
  if (symlinkat(entry->link, parent, name) < 0) {
    if (errno != EEXIST) unpack_die(errno, "make a symbolic link", NULL);
    remove_existing(parent, name);
    if (symlinkat(entry->link, parent, name) < 0) unpack_die(errno, "make a symbolic link", NULL);
  }
  set_attributes_at(parent, name, entry);
}

static mode_t node_type(enum tar_type type) {
  if (type == TAR_FIFO) return S_IFIFO;
  if (type == TAR_SOCKET) return S_IFSOCK;
  return type == TAR_CHAR ? S_IFCHR : S_IFBLK;
}

/* The mode is given to mknod at once (umask is 0): nothing is looked up by name again. */
static void write_node(int parent, const char *name, const struct tar_entry *entry) {
  mode_t type = node_type(entry->type);
  dev_t device = type == S_IFCHR || type == S_IFBLK ? makedev(entry->major, entry->minor) : 0;

  if (mknodat(parent, name, type | entry_mode(entry), device) < 0) {
    if (errno != EEXIST) unpack_die(errno, "make a node", NULL);
    remove_existing(parent, name);
    if (mknodat(parent, name, type | entry_mode(entry), device) < 0) unpack_die(errno, "make a node", NULL);
  }
  set_attributes_at(parent, name, entry);
}

static void write_other(int parent, const char *name, const char *link, const struct tar_entry *entry) {
  unpack_input_skip(entry->size);
  tar_pad(entry->size);
  if (entry->type == TAR_HARDLINK)
    write_hardlink(parent, name, link);
  else if (entry->type == TAR_SYMLINK)
    write_symlink(parent, name, entry);
  else
    write_node(parent, name, entry);
}

/* A node that needs no CAP_MKNOD, as it is no device. */
static bool is_mark(const struct tar_entry *entry) {
  return options->marks && entry->type == TAR_CHAR && entry->major == 0 && entry->minor == 0;
}

void unpack_write_entry(struct tar_entry *entry, const char *path, const char *link) {
  const bool is_whiteout = options->whiteouts && unpack_is_whiteout(path);
  const char *name;
  int parent;

  if ((entry->type == TAR_CHAR || entry->type == TAR_BLOCKDEV) && !options->devices && !is_whiteout &&
      !is_mark(entry)) {
    unpack_write_skip(entry);
    unpack_counts.skipped_devices++;
    return;
  }
  if (*path == '\0' && entry->type != TAR_DIRECTORY)
    unpack_die(0, "an entry that is not a directory has the root's name", NULL);
  parent = unpack_parent(path, &name, true);
  if (parent < 0) unpack_die(errno, "find the parent directory", NULL);
  unpack_counts.entries++;
  current_path = path;
  if (is_whiteout) {
    unpack_input_skip(entry->size);
    tar_pad(entry->size);
    unpack_whiteout(parent, path, name);
    return;
  }
  if (entry->type == TAR_FILE)
    write_file(parent, name, entry);
  else if (entry->type == TAR_DIRECTORY)
    write_directory(parent, name, path, entry);
  else
    write_other(parent, name, link, entry);
  if (replaced) unpack_path_forget();
  replaced = false;
}
