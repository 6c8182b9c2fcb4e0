// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// Ends this process as by SIGKILL: nothing is written, nothing is said. Does not return.
void cl_process_kill(void) __attribute__((noreturn));

/// Stops the whole process as by SIGSTOP for so long; a child wakes it again. Returns after that: 0, or -errno when it
/// has not been stopped (-ESRCH: it is the first process of its container, which cannot be). Blocks the calling thread
/// until the child is gone.
int cl_process_pause(uint32_t milliseconds);
