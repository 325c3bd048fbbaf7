#pragma once

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS; -1 and errno on failure. glibc has no wrapper.
/// Where it is not to be had, because the kernel is older than 5.6 or systemd's RestrictSUIDSGID= forbids it (systemd.exec(5)), by
/// steps.
int hx_openat2_beneath(int directory, const char *path, int flags, unsigned mode);

/// The same with one openat(2) for each component, none of them a symlink; `..` is refused.
int hx_openat_beneath_by_steps(int directory, const char *path, int flags, unsigned mode);

/// renameat2(2) with RENAME_NOREPLACE: what stands under the new name stays, and the call fails with EEXIST. Where the file system does
/// not do that, as NFS and most of FUSE do not, by steps.
int hx_rename_new(int from_directory, const char *from, int to_directory, const char *to);

/// The same by steps: a second name and then the first one's end; where there are no second names, a look and then renameat(2), so that
/// what another process makes between the two is replaced.
int hx_rename_new_by_steps(int from_directory, const char *from, int to_directory, const char *to);

/// renameat2(2) with RENAME_EXCHANGE; -1 and errno on failure.
int hx_rename_exchange(const char *one, const char *other);

/// The name of a directory entry: a flexible array, invisible to Swift.
const char *hx_dirent_name(const struct dirent *entry);

/// open(2) and openat(2) are variadic.
int hx_openat(int directory, const char *path, int flags, unsigned mode);

/// syncfs(2): writes everything of the file system behind a descriptor to the disk.
int hx_syncfs(int descriptor);

/// prctl(PR_SET_DUMPABLE, 0) and RLIMIT_CORE 0: no core dump, no ptrace by the same user. 0 on success.
int hx_forbid_core_dumps(void);

// Lets large allocations go back to the system as soon as they are freed, and threads share heaps; 0 on success. By default glibc learns
// from each large allocation that is freed to keep the next one (mallopt(3), M_MMAP_THRESHOLD).
int hx_return_freed_memory(void);

/// sync_file_range(2) with SYNC_FILE_RANGE_WRITE: starts writing a range to the disk and does not wait. A hint, so without a result.
void hx_start_writeback(int file, int64_t offset, int64_t count);

/// fcntl(2): sets or clears O_DIRECT on an open file, whose value differs between architectures. -1 and errno on failure.
int hx_set_direct(int file, int is_direct);

/// lseek(2) with SEEK_DATA and SEEK_HOLE, which need _GNU_SOURCE; -1 and errno on failure.
int64_t hx_seek_data(int file, int64_t offset);
int64_t hx_seek_hole(int file, int64_t offset);
