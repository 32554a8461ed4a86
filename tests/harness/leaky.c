// SPDX-License-Identifier: BSD-3-Clause
// Does one wrong thing, for check_harness: each has to be caught by run_case.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// A child, in a session of its own, that outlives us by some seconds.
static void leave_orphan(unsigned seconds)
{
    if (fork() == 0) {
        setsid();
        sleep(seconds);
        _exit(0);
    }
}

// A child that has ended while we go on and do not wait for it.
static void keep_zombie(unsigned seconds)
{
    if (fork() == 0)
        _exit(0);
    sleep(seconds);
}

static int leave_file(const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return 1;
    close(fd);
    return 0;
}

// The name is not taken by another run of this test, and is removed by nobody but run_case.
static int leave_shared_memory(void)
{
    char name[64];
    snprintf(name, sizeof name, "crew-leaky-%d", (int)getpid());
    return leave_file("/dev/shm", name);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    unsigned seconds = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    if (strcmp(what, "status") == 0)
        return (int)seconds;
    if (strcmp(what, "orphan") == 0)
        leave_orphan(seconds);
    else if (strcmp(what, "zombie") == 0)
        keep_zombie(seconds);
    else if (strcmp(what, "tmp") == 0)
        return leave_file(getenv("TMPDIR"), "forgotten");
    else if (strcmp(what, "shm") == 0)
        return leave_shared_memory();
    else if (strcmp(what, "crash") == 0)
        raise(SIGKILL);
    else if (strcmp(what, "hang") == 0) {
        leave_orphan(1000);
        sleep(1000);
    }
    return 0;
}
