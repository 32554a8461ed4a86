/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/strays.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* No kernel gives out larger ones. */
#define PID_LIMIT ((pid_t)4194304)

static void kill_and_reap(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* Reaps those that have ended; false when there are no others. */
static bool any_lives(void)
{
    pid_t ended;
    do
        ended = waitpid(-1, NULL, WNOHANG);
    while (ended > 0 || (ended < 0 && errno == EINTR));
    return ended == 0;
}

/* False: the kernel has no list. All are signalled before the first one is waited for. */
static bool end_listed(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *list = fopen(path, "re");
    int pid, killed = 0;
    if (!list)
        return false;
    while (fscanf(list, "%d", &pid) == 1)
        killed += kill(pid, SIGKILL) == 0;
    fclose(list);
    for (int i = 0; i < killed && waitpid(-1, NULL, 0) > 0; i++)
        ;
    return killed > 0;
}

static bool is_child(pid_t pid)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Most are a little younger than we are. False: there is none. */
static bool end_probed(void)
{
    pid_t self = getpid();
    bool found = false;
    for (pid_t i = 1; i < PID_LIMIT; i++) {
        pid_t pid = (self + i) % PID_LIMIT;
        if (pid < 2 || !is_child(pid))
            continue;
        found = true;
        kill_and_reap(pid);
        if (!any_lives())
            break;
    }
    return found;
}

void crewi_strays_end(void)
{
    while (any_lives())
        if (!end_listed() && !end_probed())
            return;
}
