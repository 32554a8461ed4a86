/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child can send that no client of ours does: it is refused, and nobody else notices. */
#include "base/clock.h"
#include "syncs.h"
#include "unit.h"

#include <string.h>

static void refuse(struct fake_client *client, uint8_t op, const void *data, size_t size)
{
    struct fake_call call = {.kind = CREWI_KIND_SYNC,
                             .op = op,
                             .rank = client->rank->transport.rank,
                             .head = data,
                             .head_size = size};
    fake_call_refused(client, &call, CREW_EPROTO, "malformed");
}

static void sizes_that_cannot_be(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 2);
    struct fake_client *client = &syncs.clients[1];
    struct crewi_sync_head head = {.id = sync_create(client, CREWI_SYNC_LOCK, 0, false)};
    for (uint8_t op = CREWI_SYNC_OPEN; op <= CREWI_SYNC_LAST_OP; op++) {
        refuse(client, op, &head, sizeof head - 1);
        refuse(client, op, NULL, 0);
    }
    refuse(client, CREWI_SYNC_LAST_OP + 1, &head, sizeof head);
    refuse(client, 0, &head, sizeof head - 1);
    syncs_end(&syncs);
}

static void objects_that_cannot_be(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 1);
    struct fake_client *client = &syncs.clients[0];
    struct crewi_sync_spec bad[] = {
        {.type = 0},
        {.type = CREWI_SYNC_BARRIER + 1},
        {.type = CREWI_SYNC_LOCK, .arg_size = 1},
        {.type = CREWI_SYNC_BARRIER, .value = 1, .arg_size = UINT32_MAX},
        {.type = CREWI_SYNC_BARRIER, .value = 0},
        {.type = CREWI_SYNC_BARRIER, .value = INT64_MAX},
        {.type = CREWI_SYNC_SEMAPHORE, .value = -1, .limit = 1},
        {.type = CREWI_SYNC_SEMAPHORE, .value = 2, .limit = 1},
        {.type = CREWI_SYNC_SEMAPHORE, .value = 1, .limit = INT64_MAX},
        {.type = CREWI_SYNC_LOCK},
    };
    size_t count = sizeof bad / sizeof *bad;
    memset(bad[count - 1].name, 'x', sizeof bad->name);
    for (size_t i = 0; i < count; i++)
        refuse(client, CREWI_SYNC_CREATE, &bad[i], sizeof *bad);
    refuse(client, CREWI_SYNC_CREATE, bad, sizeof *bad - 1);
    syncs_end(&syncs);
}

/* An operation of another type; each object has its own. */
static void operations_of_others(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 2);
    struct fake_client *client = &syncs.clients[1];
    static const struct {
        enum crewi_sync_type type;
        enum crewi_sync_op op;
    } wrong[] = {
        {CREWI_SYNC_LOCK, CREWI_SYNC_SET},         {CREWI_SYNC_LOCK, CREWI_SYNC_ARRIVE},
        {CREWI_SYNC_SEMAPHORE, CREWI_SYNC_NOTIFY}, {CREWI_SYNC_SEMAPHORE, CREWI_SYNC_WAIT},
        {CREWI_SYNC_EVENT, CREWI_SYNC_ACQUIRE},    {CREWI_SYNC_EVENT, CREWI_SYNC_RESET},
        {CREWI_SYNC_BARRIER, CREWI_SYNC_VALUE},    {CREWI_SYNC_BARRIER, CREWI_SYNC_RELEASE},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t id = sync_create(&syncs.clients[0], wrong[i].type, 1, false);
        struct crewi_sync_head head = {.id = id, .number = 1, .value = 1};
        fake_expect_refusal(client, sync_ask(client, wrong[i].op, head, 0), CREW_EINVAL, "s is a ");
    }
    syncs_end(&syncs);
}

/* Words that no process of ours writes: the home goes on. */
static void scribbled_words(void **state)
{
    static const uint64_t words[] = {UINT64_MAX, CREWI_WORD_QUEUED, (uint64_t)3 << 60,
                                     CREWI_WORD_QUEUED | CREWI_WORD_OWNER_DIED, 12345};
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 2);
    struct fake_client *client = &syncs.clients[1];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (enum crewi_sync_type type = CREWI_SYNC_LOCK; type <= CREWI_SYNC_EVENT; type++) {
            struct crewi_sync_head head = {
                .id = sync_create(&syncs.clients[0], type, 1, false), .number = 1, .value = 1};
            atomic_store(sync_at_home(&syncs, head.id)->word, words[i]);
            for (enum crewi_sync_op op = CREWI_SYNC_ACQUIRE; op <= CREWI_SYNC_NOTIFY; op++)
                sync_ask(client, op, head, CREWI_SECOND);
            fake_job_pass_time(syncs.job, 2 * CREWI_SECOND);
        }
    syncs_end(&syncs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_cannot_be),
        cmocka_unit_test(objects_that_cannot_be),
        cmocka_unit_test(operations_of_others),
        cmocka_unit_test(scribbled_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
