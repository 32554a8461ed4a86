/* SPDX-License-Identifier: BSD-3-Clause */
/* A rank that is killed leaves its shared-memory segment, an mpirun that is killed its session
 * directory. Whoever is left of the job at that point is the fork server. */
#include "node/forkserver_protocol.h"

#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    if (!job || !strstr(job, "/ompi.") || lstat(job, &info) || !S_ISDIR(info.st_mode) ||
        info.st_uid != geteuid())
        return;
    /* Other ranks and their servers may be at it, too. */
    for (int i = 0; i < 20 && access(job, F_OK) == 0; i++) {
        nftw(job, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        if (access(job, F_OK) == 0)
            usleep(50000);
    }
    if (top && strstr(top, "/ompi."))
        rmdir(top);
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
