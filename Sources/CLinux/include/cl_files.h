// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Opens a file for reading without ever leaving the directory: no "..", no absolute path, no link that leads out
/// (openat2 with RESOLVE_BENEATH, Linux 5.6). Returns a descriptor, or -errno.
int cl_open_beneath(int directory, const char *path);

/// Reads what is in the page cache, without ever waiting for a disk (preadv2 with RWF_NOWAIT). Returns a count, which
/// may be short, or -errno; -EAGAIN when nothing is there, -EOPNOTSUPP where the file system cannot tell.
int64_t cl_read_cached(int descriptor, void *bytes, size_t count, int64_t offset);

/// Gives memory that is free within this process back to the system (malloc_trim).
void cl_release_free_memory(void);

/// Sets room aside for a file, from `offset` on, without changing its length. 0 or -errno; -EOPNOTSUPP where the file
/// system cannot.
int cl_file_reserve(int descriptor, int64_t offset, int64_t bytes);

/// Has the kernel begin to write a part of a file to the disk, and does not wait for it.
void cl_file_write_back(int descriptor, int64_t offset, int64_t bytes);

/// Writes everything of the descriptor's file system to its disk. 0 or -errno.
int cl_file_sync_all(int descriptor);
