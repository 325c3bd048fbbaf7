#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

const unsigned HX_RENAME_NOREPLACE = RENAME_NOREPLACE;
const unsigned HX_RENAME_EXCHANGE = RENAME_EXCHANGE;

int hx_openat2_beneath(int directory, const char *path, int flags, unsigned mode)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int hx_renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

const char *hx_dirent_name(const struct dirent *entry) { return entry->d_name; }

int hx_openat(int directory, const char *path, int flags, unsigned mode) { return openat(directory, path, flags, mode); }

int hx_syncfs(int descriptor) { return syncfs(descriptor); }

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
