/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Blocks of memory that the processes of a host share by name, as Python's
 * multiprocessing.shared_memory.
 *
 * A block is some bytes, all zero at first, that one process makes and others attach, by its name.
 * Each of them has the bytes at an address of its own. Names are those of a host: the same name on
 * another host is another block, and so it is for ranks of one host that do not reach each other's
 * memory: containers with a pid namespace each. (<crew/array.h> has memory that those can use,
 * too.)
 *
 * **How long it lasts.** Closing a block ends the caller's use of it and no more. Unlinking takes
 * its name away: nobody can attach it any more, and those who have go on until they close it; then
 * its memory is free. The end of a process closes what it has and unlinks nothing, whoever made it.
 * A block that nobody unlinks is gone with the job, however that ends: there is no file for it
 * anywhere. (Python's are files in /dev/shm, which outlive a crash, and which a tracker unlinks too
 * early when an unrelated process that had attached them ends.)
 *
 * What a block holds is the program's: nothing here says who may write when.
 *
 * @code
 * crew_shared_memory table;
 * crew_shared_memory_create(&table, "table", 1 << 20);
 * ...
 * crew_shared_memory table;              // in another process
 * crew_shared_memory_attach(&table, "table");
 * memcpy(table.data, row, sizeof row);
 * crew_shared_memory_close(&table);
 * ...
 * crew_shared_memory_unlink("table");
 * @endcode
 *
 * All calls may be made from the main process, from any process, and from a task, and may also
 * return ::CREW_ESTATE outside crew_run(), and ::CREW_ENOMEM. They do not block but for a message
 * to the first rank of the host, which keeps the names. Where the kernel lets processes not reach
 * each other's descriptors (without /proc, or when the program was made not to be looked into),
 * children get ::CREW_ESYSTEM: there is no other way to share memory.
 */
#ifndef CREW_SHARED_MEMORY_H
#define CREW_SHARED_MEMORY_H

#include <crew/process.h>
#include <crew/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A block, as one process has it: copies of the struct are the same one. For another process,
 * send the name. */
typedef struct crew_shared_memory {
    void *data;  /**< the bytes, aligned to a page; NULL once it is closed. Python: buf */
    size_t size; /**< how many, exactly as they were asked for. Python: size */
    char name[CREW_NAME_SIZE]; /**< Python: name */
} crew_shared_memory;

/**
 * Makes a block and attaches it. Python: SharedMemory(name, create=True, size=).
 *
 * @param block  set to it, to be given back with crew_shared_memory_close()
 * @param name   NULL: one that no block has
 * @param size   bytes
 * @return ::CREW_EEXIST there is a block of that name; ::CREW_EINVAL block NULL, a size of 0 or
 * less, a name that is empty or longer than ::CREW_NAME_SIZE - 1; ::CREW_ENOMEM, ::CREW_ESYSTEM
 * there is no memory of that size
 */
CREW_API crew_status crew_shared_memory_create(crew_shared_memory *block, const char *name,
                                               int64_t size);

/**
 * Attaches the block of that name, whatever its size. Python: SharedMemory(name), where a size is
 * ignored.
 * @return ::CREW_ENOENT there is none on this host; ::CREW_EINVAL block or name NULL, or no name
 */
CREW_API crew_status crew_shared_memory_attach(crew_shared_memory *block, const char *name);

/** Ends the caller's use of it, and leaves the block. Name and size stay in the struct. Fine when
 * it is closed. ::CREW_EINVAL block is NULL. Python: close. */
CREW_API crew_status crew_shared_memory_close(crew_shared_memory *block);

/** Takes the name away. ::CREW_ENOENT there is no block of that name, or no more; ::CREW_EINVAL as
 * crew_shared_memory_attach(). Python: unlink. */
CREW_API crew_status crew_shared_memory_unlink(const char *name);

#ifdef __cplusplus
}
#endif

#endif
