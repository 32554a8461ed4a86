/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of ::CREW_MUST when its call has failed. */
#include "process/must.h"

#include "base/error.h"
#include "engine/client.h"

#include <crew/process.h>
#include <crew/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local jmp_buf *task_place;

void crewi_must_set_place(jmp_buf *place)
{
    task_place = place;
}

/* Without the folders, which differ from machine to machine. */
static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void crew_must_fail(crew_status status, const char *call, const char *file, int line)
{
    const struct crewi_client *client = crewi_client_current();
    const char *reason = *crew_error_message() ? crew_error_message() : crew_status_message(status);
    const char *name = crew_current_name();
    jmp_buf *place = task_place;
    crewi_error_word("%s:%d: %s: %s", file_name(file), line, call, reason);
    if (place) {
        task_place = NULL; /* the worker sets it again before its next task */
        longjmp(*place, status < 0 ? status : CREW_EFAILED);
    }
    fprintf(stderr, "%s%s%s\n", name, *name ? ": " : "", crew_error_message());
    if (client && crewi_client_is_inside(client))
        crewi_process_exit_inside(EXIT_FAILURE);
    exit(EXIT_FAILURE);
}
