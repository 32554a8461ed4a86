// SPDX-License-Identifier: BSD-3-Clause
// Blocks of shared memory by name. Processes of another host would see none of them: there the
// cases are run for the own rank alone.
#include "shared_cases.h"

#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE 100000

struct block_job {
    char name[CREW_NAME_SIZE];
    struct mark mark, answer;
};

// A name that no other process of these tests takes.
static void name_block(struct block_job *job, const char *what)
{
    snprintf(job->name, sizeof job->name, "%s-%llx", what,
             (unsigned long long)crew_current_process().id);
}

bool is_on_own_host(const struct variant *variant)
{
    return strcmp(crew_rank_host(variant->attr.placement.rank),
                  crew_rank_host(crew_current_rank())) == 0;
}

static crew_shared_memory new_block(const char *name, int64_t size)
{
    crew_shared_memory block = {.data = NULL};
    CHECK_OK(crew_shared_memory_create(&block, name, size));
    return block;
}

static crew_shared_memory attach(const char *name)
{
    crew_shared_memory block = {.data = NULL};
    CHECK_OK(crew_shared_memory_attach(&block, name));
    return block;
}

static int count_others(const crew_shared_memory *block, unsigned char byte)
{
    int others = 0;
    for (size_t i = 0; i < block->size; i++)
        others += ((const unsigned char *)block->data)[i] != byte;
    return others;
}

// Attaching

static int fill_block(void *arg)
{
    const struct block_job *job = arg;
    crew_shared_memory block = attach(job->name);
    CHECK_INT(block.size, SIZE);
    CHECK_TEXT(block.name, job->name);
    CHECK_INT(count_others(&block, 1), 0);
    memset(block.data, 2, block.size);
    return check_result(); // its end closes it, and no more
}

static void check_generated_names(void)
{
    crew_shared_memory one = new_block(NULL, 1), other = new_block(NULL, 5000);
    CHECK(*one.name != '\0' && strcmp(one.name, other.name) != 0);
    crew_shared_memory again = attach(other.name);
    CHECK(again.data != other.data);
    ((char *)again.data)[4999] = 'x';
    CHECK_INT(((char *)other.data)[4999], 'x');
    CHECK_OK(crew_shared_memory_unlink(one.name));
    CHECK_OK(crew_shared_memory_unlink(other.name));
    CHECK_OK(crew_shared_memory_close(&one));
    CHECK_OK(crew_shared_memory_close(&other));
    CHECK_OK(crew_shared_memory_close(&again));
}

// SHM-05: made and attached by name, all zero, of the size that was asked for, and attached as it
// is.
void shm_05(const struct variant *variant)
{
    struct block_job job;
    name_block(&job, "SHM-05");
    for (int round = 0; round < 2; round++) {
        crew_shared_memory block = new_block(job.name, SIZE);
        CHECK_INT(block.size, SIZE);
        CHECK_TEXT(block.name, job.name);
        CHECK_INT((uintptr_t)block.data % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
        CHECK_INT(count_others(&block, 0), 0);
        memset(block.data, 1, block.size);
        if (is_on_own_host(variant)) {
            CHECK_INT(finish(launch(variant, fill_block, &job, sizeof job)), 0);
            CHECK_INT(count_others(&block, 2), 0);
        }
        CHECK_OK(crew_shared_memory_close(&block));
        CHECK_OK(crew_shared_memory_unlink(job.name));
    }
    check_generated_names();
}

// Names

static void refuse_names(void)
{
    char name[CREW_NAME_SIZE + 1];
    crew_shared_memory block = {.size = 77};
    memset(name, 'x', sizeof name);
    name[CREW_NAME_SIZE] = '\0';
    CHECK_STATUS(crew_shared_memory_create(&block, name, 1), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_create(&block, "", 1), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_create(NULL, "a", 1), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_attach(&block, name), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_attach(&block, ""), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_attach(&block, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_attach(NULL, "a"), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_unlink(name), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_unlink(""), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_unlink(NULL), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_close(NULL), CREW_EINVAL);
    CHECK_INT(block.size, 77);
}

static int use_names(void *arg)
{
    const struct block_job *job = arg;
    crew_shared_memory block = {.size = 77};
    CHECK_STATUS(crew_shared_memory_create(&block, job->name, 5), CREW_EEXIST);
    CHECK_CONTAINS(crew_error_message(), job->name);
    CHECK_STATUS(crew_shared_memory_attach(&block, "no such block"), CREW_ENOENT);
    CHECK_CONTAINS(crew_error_message(), "no such block");
    CHECK_CONTAINS(crew_error_message(), crew_rank_host(crew_current_rank()));
    CHECK_STATUS(crew_shared_memory_create(&block, "negative", 0), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_create(&block, "negative", -1), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_create(&block, NULL, -1), CREW_EINVAL);
    CHECK_STATUS(crew_shared_memory_attach(&block, "negative"), CREW_ENOENT);
    CHECK_INT(block.size, 77);
    CHECK(block.data == NULL);
    refuse_names();
    return check_result();
}

// SHM-06: a name that is taken, one that there is not, sizes that cannot be.
void shm_06(const struct variant *variant)
{
    struct block_job job;
    name_block(&job, "SHM-06");
    crew_shared_memory block = new_block(job.name, 1);
    if (is_on_own_host(variant))
        CHECK_INT(finish(launch(variant, use_names, &job, sizeof job)), 0);
    CHECK_STATUS(crew_shared_memory_create(&block, job.name, 1), CREW_EEXIST);
    CHECK_OK(crew_shared_memory_unlink(job.name));
    CHECK_OK(crew_shared_memory_close(&block));
}

// Closing and unlinking

static int attach_and_unlink(void *arg)
{
    const struct block_job *job = arg;
    crew_shared_memory block = attach(job->name);
    CHECK_OK(crew_shared_memory_unlink(job->name));
    CHECK_STATUS(crew_shared_memory_unlink(job->name), CREW_ENOENT);
    CHECK_STATUS(crew_shared_memory_attach(&block, job->name), CREW_ENOENT);
    ((char *)block.data)[1] = 'b';
    return check_result();
}

// SHM-07: closing is fine twice and keeps the block; unlinking takes the name, once, and leaves
// what is attached.
void shm_07(const struct variant *variant)
{
    struct block_job job;
    name_block(&job, "SHM-07");
    crew_shared_memory block = new_block(job.name, 2), copy = block;
    ((char *)block.data)[0] = 'a';
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK(block.data == NULL);
    CHECK_INT(block.size, 2);
    CHECK_TEXT(block.name, job.name);
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK_OK(crew_shared_memory_close(&copy));
    block = attach(job.name);
    CHECK_INT(((char *)block.data)[0], 'a');
    if (is_on_own_host(variant))
        CHECK_INT(finish(launch(variant, attach_and_unlink, &job, sizeof job)), 0);
    else
        CHECK_OK(crew_shared_memory_unlink(job.name));
    CHECK_STATUS(crew_shared_memory_unlink(job.name), CREW_ENOENT);
    CHECK_INT(((char *)block.data)[1], is_on_own_host(variant) ? 'b' : 0);
    crew_shared_memory other = new_block(job.name, 3); // the name is free
    CHECK_INT(((char *)other.data)[0], 0);
    ((char *)block.data)[0] = 'c';
    CHECK_INT(((char *)other.data)[0], 0);
    CHECK_OK(crew_shared_memory_unlink(job.name));
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK_OK(crew_shared_memory_close(&other));
}

// Ends

static int attach_and_wait(void *arg)
{
    const struct block_job *job = arg;
    crew_shared_memory block = attach(job->name);
    ((char *)block.data)[0] = 'z';
    mark_set(&job->mark, "attached");
    return run_until_ended(NULL);
}

static int create_and_leave(void *arg)
{
    const struct block_job *job = arg;
    crew_shared_memory block = new_block(job->name, 10);
    ((char *)block.data)[9] = 'y';
    return check_result();
}

// Nothing of ours in /dev/shm, where Python's are.
static void check_no_files(void)
{
    DIR *folder = opendir("/dev/shm");
    CHECK(folder != NULL);
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder));)
        CHECK(!strstr(entry->d_name, "SHM-08") && !strstr(entry->d_name, "crew"));
    closedir(folder);
}

// SHM-08: a process that ends, by itself or by force, leaves the block, whoever made it; there is
// no file that could be left.
void shm_08(const struct variant *variant)
{
    struct block_job job = {.mark = mark_new()};
    name_block(&job, "SHM-08");
    if (!is_on_own_host(variant))
        return;
    CHECK_INT(finish(launch(variant, create_and_leave, &job, sizeof job)), 0);
    crew_shared_memory block = attach(job.name);
    CHECK_INT(((char *)block.data)[9], 'y');
    crew_process process = launch(variant, attach_and_wait, &job, sizeof job);
    mark_wait(&job.mark, 1);
    check_no_files();
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), -SIGKILL);
    crew_shared_memory other = attach(job.name);
    CHECK_INT(((char *)other.data)[0], 'z');
    CHECK_OK(crew_shared_memory_close(&other));
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK_OK(crew_shared_memory_unlink(job.name));
    mark_remove(&job.mark);
}

void check_blocks_outside(void)
{
    crew_shared_memory block = {.size = 77};
    CHECK_STATUS(crew_shared_memory_create(&block, "a", 1), CREW_ESTATE);
    CHECK_STATUS(crew_shared_memory_attach(&block, "a"), CREW_ESTATE);
    CHECK_STATUS(crew_shared_memory_unlink("a"), CREW_ESTATE);
    CHECK_STATUS(crew_shared_memory_close(&block), CREW_ESTATE);
    CHECK_INT(block.size, 77);
}
