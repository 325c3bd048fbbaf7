#define _GNU_SOURCE
#include <malloc.h>
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>


int hx_openat2_beneath(int directory, const char *path, int flags, unsigned mode)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int file = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    return file < 0 && errno == ENOSYS ? hx_openat_beneath_by_steps(directory, path, flags, mode) : file;
}

/* Opens a folder on the way. O_NOFOLLOW says ENOTDIR of a symlink where a folder is asked for, and openat2 ELOOP. */
static int open_folder(int directory, const char *name)
{
    int file = openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (file >= 0 || errno != ENOTDIR) return file;
    struct stat status;
    int is_link = fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
    errno = is_link ? ELOOP : ENOTDIR;
    return -1;
}

int hx_openat_beneath_by_steps(int directory, const char *path, int flags, unsigned mode)
{
    if (path[0] == '/') return errno = EXDEV, -1;
    if (path[0] == 0) return errno = ENOENT, -1;
    int current = directory;
    for (;;) {
        size_t length = strcspn(path, "/");
        const char *rest = path + length + strspn(path + length, "/");
        char name[NAME_MAX + 1];
        int file = -1, error = 0;
        if (length > NAME_MAX) {
            error = ENAMETOOLONG;
        } else {
            memcpy(name, path, length);
            name[length] = 0;
            /* Where the folder above is after a rename is nobody's to say: no way leads up. */
            if (strcmp(name, "..") == 0) error = EXDEV;
        }
        int is_last = *rest == 0;
        int wants_folder = is_last && path[length] == '/';
        if (error == 0 && wants_folder && (flags & O_CREAT)) error = EISDIR;
        if (error == 0) {
            int last = flags | O_NOFOLLOW | O_CLOEXEC | (wants_folder ? O_DIRECTORY : 0);
            file = is_last ? openat(current, name, last, mode) : open_folder(current, name);
            if (file < 0) error = errno;
        }
        if (current != directory) close(current);
        if (error != 0) return errno = error, -1;
        if (is_last) return file;
        current = file;
        path = rest;
    }
}

int hx_rename_new(int from_directory, const char *from, int to_directory, const char *to)
{
    if (syscall(SYS_renameat2, from_directory, from, to_directory, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return -1;
    return hx_rename_new_by_steps(from_directory, from, to_directory, to);
}

int hx_rename_new_by_steps(int from_directory, const char *from, int to_directory, const char *to)
{
    if (linkat(from_directory, from, to_directory, to, 0) == 0) {
        if (unlinkat(from_directory, from, 0) == 0) return 0;
        const int error = errno;
        unlinkat(to_directory, to, 0);
        return errno = error, -1;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) return -1;
    struct stat status;
    if (fstatat(to_directory, to, &status, AT_SYMLINK_NOFOLLOW) == 0) return errno = EEXIST, -1;
    if (errno != ENOENT) return -1;
    return renameat(from_directory, from, to_directory, to);
}

int hx_rename_exchange(const char *one, const char *other)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

const char *hx_dirent_name(const struct dirent *entry) { return entry->d_name; }

int hx_openat(int directory, const char *path, int flags, unsigned mode) { return openat(directory, path, flags, mode); }

int hx_syncfs(int descriptor) { return syncfs(descriptor); }

int hx_return_freed_memory(void) {
    return mallopt(M_MMAP_THRESHOLD, 1 << 18) == 1 && mallopt(M_TRIM_THRESHOLD, 1 << 18) == 1 && mallopt(M_ARENA_MAX, 2) == 1 ? 0 : -1;
}

int hx_forbid_core_dumps(void)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -1;
    return setrlimit(RLIMIT_CORE, &none);
}

void hx_start_writeback(int file, int64_t offset, int64_t count)
{
    (void)sync_file_range(file, offset, count, SYNC_FILE_RANGE_WRITE);
}

int hx_set_direct(int file, int is_direct)
{
    const int flags = fcntl(file, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(file, F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT);
}

int64_t hx_seek_data(int file, int64_t offset) { return lseek(file, offset, SEEK_DATA); }
int64_t hx_seek_hole(int file, int64_t offset) { return lseek(file, offset, SEEK_HOLE); }
