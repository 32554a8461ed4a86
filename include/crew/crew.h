/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * All of crew: Python's multiprocessing for C, across the ranks of an MPI job.
 */
#ifndef CREW_CREW_H
#define CREW_CREW_H

#include <crew/barrier.h>
#include <crew/condition.h>
#include <crew/event.h>
#include <crew/lock.h>
#include <crew/pipe.h>
#include <crew/pool.h>
#include <crew/process.h>
#include <crew/queue.h>
#include <crew/run.h>
#include <crew/semaphore.h>
#include <crew/status.h>
#include <crew/team.h>
#include <crew/thread.h>
#include <crew/wait.h>

#endif
