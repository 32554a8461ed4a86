/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * All of crew: Python's multiprocessing for C, across the ranks of an MPI job.
 */
#ifndef CREW_CREW_H
#define CREW_CREW_H

#include <crew/any.h>
#include <crew/array.h>
#include <crew/barrier.h>
#include <crew/condition.h>
#include <crew/datatype.h>
#include <crew/dict.h>
#include <crew/event.h>
#include <crew/finalize.h>
#include <crew/iterator.h>
#include <crew/list.h>
#include <crew/lock.h>
#include <crew/log.h>
#include <crew/manager.h>
#include <crew/namespace.h>
#include <crew/pipe.h>
#include <crew/pool.h>
#include <crew/pool_bytes.h>
#include <crew/process.h>
#include <crew/queue.h>
#include <crew/result.h>
#include <crew/run.h>
#include <crew/semaphore.h>
#include <crew/set.h>
#include <crew/shareable_list.h>
#include <crew/shared_memory.h>
#include <crew/status.h>
#include <crew/team.h>
#include <crew/thread.h>
#include <crew/value.h>
#include <crew/wait.h>

#endif
