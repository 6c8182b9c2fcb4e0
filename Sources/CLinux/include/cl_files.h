// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Opens a file for reading without ever leaving the directory: no "..", no absolute path, no link that leads out
/// (openat2 with RESOLVE_BENEATH, Linux 5.6). Returns a descriptor, or -errno.
int cl_open_beneath(int directory, const char *path);

/// Gives memory that is free within this process back to the system (malloc_trim).
void cl_release_free_memory(void);
