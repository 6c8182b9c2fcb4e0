// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cl_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int cl_open_beneath(int directory, const char *path) {
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long descriptor = syscall(SYS_openat2, directory, path, &how, sizeof how);
    return descriptor < 0 ? -errno : (int)descriptor;
}

int64_t cl_read_cached(int descriptor, void *bytes, size_t count, int64_t offset) {
    struct iovec part = {.iov_base = bytes, .iov_len = count};
    ssize_t read = preadv2(descriptor, &part, 1, offset, RWF_NOWAIT);
    return read < 0 ? -errno : read;
}

void cl_release_free_memory(void) { malloc_trim(0); }

int cl_file_reserve(int descriptor, int64_t offset, int64_t bytes) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, bytes) ? -errno : 0;
}

void cl_file_write_back(int descriptor, int64_t offset, int64_t bytes) {
    (void)sync_file_range(descriptor, offset, bytes, SYNC_FILE_RANGE_WRITE);
}

int cl_file_sync_all(int descriptor) { return syncfs(descriptor) ? -errno : 0; }
