/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A finalizer, inside this folder.
 */
#ifndef CREWI_OBSERVE_FINALIZER_H
#define CREWI_OBSERVE_FINALIZER_H

#include <crew/finalize.h>

struct crewi_finalizer {
    struct crewi_finalizer *next;
    uint64_t id;
    int priority;
    crew_finalizer_function *function;
    void *arg;
};

/** Frees a list of them, none of which runs. */
void crewi_finalizers_free(struct crewi_finalizer *list);

#endif
