/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the calls about locks, semaphores, conditions, events and barriers have in common: what a
 * process knows of an object, and how it asks.
 */
#ifndef CREWI_SYNC_SYNC_CALL_H
#define CREWI_SYNC_SYNC_CALL_H

#include "engine/cache.h"
#include "engine/client.h"
#include "sync/sync_protocol.h"
#include "sync/sync_word.h"

/** An object, as a process knows it. */
struct crewi_sync_record {
    struct crewi_cached cached;
    uint32_t type;
    uint64_t limit;
    crewi_word *word; /* NULL: it is asked for by messages */
    char name[CREW_NAME_SIZE];
    /* Of a lock: */
    _Atomic uint64_t thread; /* of this process that has it; 0: none */
    uint32_t depth;          /* how often; this and the rest are that thread's alone */
    bool has_told;           /* its notes may be under way to the home */
    uint64_t conditions;     /* that there are at least */
};

/** Which types a call is for, as bits. */
#define CREWI_SYNC_IS(type) ((uint32_t)1 << (type))
#define CREWI_SYNC_IS_LOCK (CREWI_SYNC_IS(CREWI_SYNC_LOCK) | CREWI_SYNC_IS(CREWI_SYNC_RLOCK))

/**
 * Finds an object, asking for what is not known of it yet.
 * @return ::CREW_ESTATE outside crew_run(); ::CREW_EINVAL of another type, or no such handle;
 * ::CREW_ECLOSED; ::CREW_ENOENT; ::CREW_ENOMEM
 */
crew_status crewi_sync_use(const char *call, uint64_t id, uint32_t types,
                           struct crewi_sync_record **record);

/** Makes an object. @p arg has spec->arg_size bytes. */
crew_status crewi_sync_make(const struct crewi_sync_spec *spec, const void *arg, uint64_t *id);

/** Copies a name into a spec; NULL is none. ::CREW_EINVAL it is empty or too long. */
crew_status crewi_sync_set_name(struct crewi_sync_spec *spec, const char *what, const char *name);

/** A call to the agent of the own rank. */
struct crewi_call crewi_sync_call(uint8_t op, const void *head, size_t size);

/** Asks the home; nothing comes back but a status. */
crew_status crewi_sync_ask(enum crewi_sync_op op, const struct crewi_sync_head *head,
                           int64_t timeout_ns);

/** The same with an answer of so many bytes. */
crew_status crewi_sync_ask_for(enum crewi_sync_op op, const struct crewi_sync_head *head,
                               void *data, size_t size);

/** Tells the home. */
crew_status crewi_sync_tell(enum crewi_sync_op op, const struct crewi_sync_head *head);

/** Ends the caller's use of an object; nothing happens if it has ended already. */
crew_status crewi_sync_close(const char *call, uint64_t id, uint32_t types);

/** How often and until when a caller has looked at a word; all zero: not yet. */
struct crewi_sync_looks {
    int count;
    int64_t end_ns;
};

/** Whether a caller that would have to wait is to look at the word once more; gives up the core
 * meanwhile, to who is to change it. False: it has looked for long enough, and asks the home. */
bool crewi_sync_look_again(struct crewi_sync_looks *looks);

/** What the word says, without ::CREWI_WORD_QUEUED. */
crew_status crewi_sync_value(const struct crewi_sync_record *record, uint64_t *value);

/* lock.c, for conditions. Each is told by what name it was called. */

/** A number for the calling thread that no other one of the process ever has. */
uint64_t crewi_sync_thread(void);

/** The calling thread has the lock now, so often. */
void crewi_sync_hold(struct crewi_sync_record *record, uint32_t depth);

crew_status crewi_sync_lock_acquire(const char *call, uint64_t id, uint32_t types,
                                    int64_t timeout_ns);
crew_status crewi_sync_lock_release(const char *call, uint64_t id, uint32_t types);
crew_status crewi_sync_lock_close(const char *call, uint64_t id, uint32_t types);

#endif
