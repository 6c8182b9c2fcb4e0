// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cl_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLED_STATUS = 128 + SIGKILL, SLICE_MILLISECONDS = 50, DESCRIPTORS_MAX = 65536 };

void cl_process_kill(void) {
    (void)kill(getpid(), SIGKILL);
    // The first process of a container is spared by signals of its own.
    while (1) _exit(KILLED_STATUS);
}

/// The child: stops its parent, and wakes it. Only what may be called after a fork of a process with threads.
static void stop_and_wake(pid_t parent, uint32_t milliseconds) {
    // The parent's sockets and files are to be its own: should it end now, its ports are free.
    if (syscall(SYS_close_range, 3, ~0U, 0) != 0)
        for (int i = 3; i < DESCRIPTORS_MAX; i++) (void)close(i);
    if (getppid() != parent || kill(parent, SIGSTOP) != 0) _exit(1);
    struct timespec slice = {.tv_nsec = SLICE_MILLISECONDS * 1000000L}, now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    do {
        // A process that is gone leaves its number to another.
        if (getppid() != parent) _exit(0);
        (void)nanosleep(&slice, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - end.tv_sec) * 1000000000L + (now.tv_nsec - end.tv_nsec) < 0);
    if (getppid() == parent) (void)kill(parent, SIGCONT);
    _exit(0);
}

int cl_process_pause(uint32_t milliseconds) {
    pid_t parent = getpid();
    if (parent == 1) return -ESRCH;
    // Nothing but SIGKILL keeps the child from waking its parent.
    sigset_t all, before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error != 0) return -error;
    pid_t child = fork();
    if (child == 0) stop_and_wake(parent, milliseconds);
    error = child < 0 ? errno : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child < 0) return -error;
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}
