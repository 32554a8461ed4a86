/* SPDX-License-Identifier: BSD-3-Clause */
/* A rank that is killed leaves its shared-memory segment, an mpirun that is killed its session
 * directory. Whoever is left of the job at that point is the fork server. */
#include "node/forkserver_protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

/* OpenMPI names the directories of a job in the environment of its ranks. Only what looks like its
 * own and belongs to us is touched. */
static void remove_session_directory(void)
{
    const char *job = getenv("OMPI_MCA_orte_jobfam_session_dir"),
               *top = getenv("OMPI_MCA_orte_top_session_dir");
    struct stat info;
    if (!job || !strstr(job, "/ompi."))
        return;
    bool is_there = lstat(job, &info) == 0;
    if (is_there && (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()))
        return;
    /* Other ranks and their servers may be at it, too. */
    for (int i = 0; i < 20 && is_there && access(job, F_OK) == 0; i++) {
        nftw(job, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        if (access(job, F_OK) == 0)
            usleep(50000);
    }
    if (top && strstr(top, "/ompi."))
        rmdir(top);
}

/* PMIX_SERVER_URI2 is like "914096128.0;tcp4://127.0.0.1:38073". */
static bool is_listening(void)
{
    const char *uri = getenv("PMIX_SERVER_URI2"), *at = uri ? strstr(uri, ";tcp4://") : NULL;
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[INET_ADDRSTRLEN];
    unsigned port;
    if (!at || sscanf(at, ";tcp4://%15[0-9.]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return true; /* for all that is known */
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return !refused;
}

bool crewi_janitor_missed_launcher(pid_t launcher)
{
    const char *job = getenv("OMPI_MCA_orte_jobfam_session_dir"),
               *name = job ? strrchr(job, '/') : NULL;
    int named;
    if (!name || sscanf(name, "/pid.%d", &named) != 1 || named == launcher)
        return false;
    return !is_listening();
}

bool crewi_janitor_is_needed(void)
{
    const char *job = getenv("OMPI_MCA_orte_jobfam_session_dir"),
               *local_rank = getenv("OMPI_COMM_WORLD_LOCAL_RANK");
    return job && local_rank && strcmp(local_rank, "0") == 0 && access(job, F_OK) == 0;
}

/* OpenMPI names a segment after the host, the user, the job (in hex) and the rank on the node. */
static void remove_segment(void)
{
    const char *job = getenv("PMIX_NAMESPACE"), *local_rank = getenv("OMPI_COMM_WORLD_LOCAL_RANK");
    char pattern[160], *end = NULL;
    unsigned long number = job ? strtoul(job, &end, 10) : 0;
    glob_t found;
    if (!job || !local_rank || *end)
        return;
    snprintf(pattern, sizeof pattern, "/dev/shm/vader_segment.*.%u.%lx.%s", (unsigned)geteuid(),
             number, local_rank);
    if (glob(pattern, GLOB_NOSORT, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        unlink(found.gl_pathv[i]);
    globfree(&found);
}

void crewi_janitor_clean(bool launcher_gone)
{
    remove_segment();
    if (launcher_gone)
        remove_session_directory();
}
