/* SPDX-License-Identifier: BSD-3-Clause */
#include "shapes.h"

#include "channel/pipe_protocol.h"
#include "channel/queue_protocol.h"
#include "engine/handles.h"
#include "pool/pool_protocol.h"
#include "process/process.h"
#include "shared/any_pack.h"
#include "shared/array_protocol.h"
#include "shared/container_protocol.h"
#include "shared/shared_memory.h"
#include "team/team_protocol.h"

#include <stdlib.h>

/* What a message is filled from, and where. */
struct filling {
    struct fuzz_job *job;
    struct fuzz_input *input;
    struct fake_client *client;
    unsigned char *room;
};

typedef size_t fuzz_shape(struct filling *filling);

static size_t put(struct filling *filling, const void *bytes, size_t size)
{
    memcpy(filling->room, bytes, size);
    return size;
}

static int task(void *arg)
{
    (void)arg;
    return 0;
}

static struct crewi_funcref function(void)
{
    static struct crewi_funcref ref;
    if (!ref.offset && crewi_funcref_make(&ref, (crewi_function *)task))
        abort();
    return ref;
}

/* Processes */

struct crewi_process_spec shape_process_spec(void)
{
    return (struct crewi_process_spec){
        .function = function(), .core = -1, .prefix = "Process", .creator_name = "MainProcess"};
}

static size_t process_spec(struct filling *filling)
{
    struct crewi_process_spec spec = shape_process_spec();
    uint8_t choice = fuzz_u8(filling->input);
    spec.place = choice % 5;
    spec.rank = choice / 8 % 4;
    spec.daemon = choice >> 5 & 1;
    spec.inside = choice >> 6 & 1;
    spec.unique = choice >> 7 & 1;
    if (spec.unique)
        spec.name[0] = (char)('a' + fuzz_u8(filling->input) % 4);
    put(filling, &spec, sizeof spec);
    if (!(fuzz_u8(filling->input) & 1))
        return sizeof spec;
    uint64_t argument = fuzz_job_id(filling->job);
    memcpy(filling->room + sizeof spec, &argument, sizeof argument);
    return sizeof spec + sizeof argument;
}

static size_t process_order(struct filling *filling)
{
    process_spec(filling);
    struct crewi_process_order order = {.process = fuzz_job_id(filling->job), .path = "1"};
    memcpy(&order.spec, filling->room, sizeof order.spec);
    order.spec.watcher = fuzz_u8(filling->input) & 1 ? fuzz_job_id(filling->job) : 0;
    return put(filling, &order, sizeof order);
}

static size_t process_report(struct filling *filling)
{
    struct crewi_process_report report = {
        .process = fuzz_job_id(filling->job), .status = -(fuzz_u8(filling->input) % 32), .pid = 77};
    return put(filling, &report, sizeof report);
}

static size_t process_claim(struct filling *filling)
{
    struct crewi_process_claim claim = {.process = fuzz_job_id(filling->job),
                                        .status = -(fuzz_u8(filling->input) % 32)};
    claim.name[0] = (char)('a' + fuzz_u8(filling->input) % 4);
    return put(filling, &claim, sizeof claim);
}

static size_t process_stop(struct filling *filling)
{
    struct crewi_process_stop stop = {.process = fuzz_job_id(filling->job),
                                      .signal = fuzz_u8(filling->input)};
    return put(filling, &stop, sizeof stop);
}

static size_t child_note(struct filling *filling)
{
    struct crewi_child_note note = {.process = fuzz_job_id(filling->job),
                                    .pid = 77,
                                    .value = fuzz_u8(filling->input),
                                    .cause = fuzz_u8(filling->input)};
    return put(filling, &note, sizeof note);
}

static size_t number(struct filling *filling)
{
    int32_t value = fuzz_u8(filling->input);
    return put(filling, &value, sizeof value);
}

static size_t flag(struct filling *filling)
{
    uint8_t value = fuzz_u8(filling->input);
    return put(filling, &value, sizeof value);
}

static size_t name(struct filling *filling)
{
    char text[2] = {(char)('a' + fuzz_u8(filling->input) % 4), '\0'};
    return put(filling, text, sizeof text);
}

static size_t range(struct filling *filling)
{
    uint64_t ends[2] = {0, fuzz_u8(filling->input)};
    return put(filling, ends, sizeof ends);
}

/* Pools */

static size_t pool_spec(struct filling *filling)
{
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_pool_spec spec = {.workers = choice % 8,
                                   .max_tasks = choice >> 3 & 7,
                                   .inside = choice >> 6 & 1,
                                   .bind = choice >> 7,
                                   .worker = function(),
                                   .creator_name = "MainProcess"};
    if (spec.workers == 7) { /* over two ranks, one of which may not be there */
        int32_t ranks[] = {1, fuzz_u8(filling->input) % (FUZZ_JOB_RANKS + 1)};
        spec.chosen = 2;
        memcpy(filling->room + sizeof spec, ranks, sizeof ranks);
    }
    return put(filling, &spec, sizeof spec) + spec.chosen * sizeof(int32_t);
}

/* Items of sizes of their own, behind the submission. */
static size_t put_pieces(struct filling *filling, const struct crewi_pool_submission *submission)
{
    struct crewi_pool_piece pieces[64];
    size_t head = submission->count * sizeof *pieces, bytes = 0;
    unsigned char *at = filling->room + sizeof *submission;
    for (size_t i = 0; i < submission->count; i++) {
        uint8_t size = fuzz_u8(filling->input);
        pieces[i] = (struct crewi_pool_piece){size, size & 1 ? size : CREWI_POOL_ANY_ROOM};
        bytes += crewi_pool_padded(pieces[i].size);
    }
    memcpy(at, pieces, head);
    memset(at + head, 7, bytes);
    return head + bytes;
}

static size_t pool_submission(struct filling *filling)
{
    struct crewi_pool_submission submission = {
        .function = function(), .item_size = 1, .result_size = 8, .task = "task"};
    submission.count = fuzz_u8(filling->input) % 64;
    uint8_t chunk = fuzz_u8(filling->input);
    submission.chunk = chunk % 8;
    submission.varying = chunk >> 7;
    uint8_t choice = fuzz_u8(filling->input);
    submission.wants_statuses = choice & 1;
    submission.notify = choice >> 1 & 1;
    submission.schedule = (choice >> 2 & 7) % (CREW_SCHEDULE_WEIGHTED + 1);
    submission.retries = choice >> 5 & 1 ? 2 : 0;
    submission.timeout_ns = choice >> 6 & 1;
    submission.priority = choice >> 7;
    if (submission.varying)
        submission.item_size = submission.result_size = 0;
    put(filling, &submission, sizeof submission);
    if (submission.varying)
        return sizeof submission + put_pieces(filling, &submission);
    memset(filling->room + sizeof submission, 7, submission.count);
    return sizeof submission + submission.count;
}

/* One of the chunks that were delivered to the client. */
static bool find_chunk(struct filling *filling, struct crewi_pool_chunk *chunk)
{
    size_t before = fuzz_u8(filling->input) % 8;
    bool found = false;
    if (!filling->client)
        return false;
    for (const struct crewi_frame *frame = filling->client->arrived.first; frame;
         frame = frame->next) {
        if (frame->header.type != CREWI_DELIVERY || frame->header.kind != CREWI_KIND_POOL ||
            frame->header.op != CREWI_POOL_CHUNK || frame->header.size < sizeof *chunk)
            continue;
        memcpy(chunk, frame->payload, sizeof *chunk);
        found = true;
        if (before-- == 0)
            break;
    }
    return found;
}

/* Of all tasks of a chunk or of some, some of them failed. */
static struct crewi_pool_result some_of(struct filling *filling)
{
    struct crewi_pool_chunk chunk = {.map = 1, .count = 1, .result_size = 8};
    find_chunk(filling, &chunk);
    struct crewi_pool_result result = {.map = chunk.map,
                                       .begin = chunk.begin,
                                       .count = chunk.count,
                                       .busy_ns = (int64_t)fuzz_u8(filling->input) * 10000,
                                       .result_size = chunk.result_size};
    uint8_t part = fuzz_u8(filling->input);
    if (part & 1)
        result.count = part % (chunk.count + 1);
    if (part & 2)
        result.begin += part % (chunk.count + 1);
    if (part & 4)
        result.failure_bytes = sizeof(struct crewi_pool_failure) + 8;
    return result;
}

static void put_failure(struct filling *filling, const struct crewi_pool_result *result)
{
    struct crewi_pool_failure failure = {.index = result->begin + fuzz_u8(filling->input) % 8,
                                         .status = -(1 + fuzz_u8(filling->input) % 28),
                                         .reason_size = 8};
    unsigned char *at = filling->room + sizeof *result;
    memcpy(at, &failure, sizeof failure);
    memcpy(at + sizeof failure, "a reason", 8);
}

static size_t pool_result(struct filling *filling)
{
    struct crewi_pool_result result = some_of(filling);
    size_t head = sizeof result + result.failure_bytes;
    if (result.count > 1024 || result.result_size > 16)
        result.count = result.result_size = 1;
    size_t bytes = result.count * result.result_size;
    put(filling, &result, sizeof result);
    if (result.failure_bytes)
        put_failure(filling, &result);
    memset(filling->room + head, 9, bytes);
    return head + bytes;
}

static struct crewi_claim_key claim_key(struct filling *filling)
{
    return (struct crewi_claim_key){fuzz_u8(filling->input) % (CREWI_CLAIM_SLOTS + 1),
                                    fuzz_u8(filling->input)};
}

static size_t pool_steal(struct filling *filling)
{
    struct crewi_pool_steal steal = {.pool = fuzz_job_id(filling->job),
                                     .process = fuzz_job_id(filling->job),
                                     .slot = fuzz_u8(filling->input) % 8,
                                     .shares = fuzz_u8(filling->input),
                                     .count = fuzz_u8(filling->input) % (CREWI_CLAIM_SLOTS + 2)};
    for (size_t i = 0; i < CREWI_CLAIM_SLOTS; i++)
        steal.from[i].key = claim_key(filling);
    return put(filling, &steal, sizeof steal);
}

static size_t pool_stolen(struct filling *filling)
{
    struct crewi_pool_stolen stolen = {.process = fuzz_job_id(filling->job),
                                       .count = fuzz_u8(filling->input) % (CREWI_CLAIM_SLOTS + 2)};
    for (size_t i = 0; i < CREWI_CLAIM_SLOTS; i++) {
        stolen.from[i].key = claim_key(filling);
        stolen.from[i].taken.begin = fuzz_u8(filling->input) % 8;
        stolen.from[i].taken.end = fuzz_u8(filling->input) % 8;
        stolen.from[i].left = fuzz_u8(filling->input) % 8;
    }
    return put(filling, &stolen, sizeof stolen);
}

static _Atomic uint64_t cookie = 4711;
static unsigned char lendable[300000];

static size_t pool_ready(struct filling *filling)
{
    struct crewi_pool_ready ready = {.loan = crewi_loan_make(NULL, &cookie),
                                     .reads_home = fuzz_u8(filling->input) & 1};
    return put(filling, &ready, sizeof ready);
}

static size_t pool_lent(struct filling *filling)
{
    struct {
        struct crewi_pool_result result;
        struct crewi_loan loan;
    } lent = {some_of(filling), crewi_loan_make(lendable, &cookie)};
    lent.result.count = 1;
    lent.result.bytes = (uint64_t)1000 * fuzz_u8(filling->input);
    return put(filling, &lent, sizeof lent);
}

size_t shape_draft(struct fuzz_job *job, struct fake_client *client, unsigned char *room,
                   uint64_t *progress)
{
    struct filling filling = {job, job->input, client, room};
    struct crewi_pool_result result = some_of(&filling);
    memset(room, 0, CREWI_PORT_DRAFT_SIZE);
    put(&filling, &result, sizeof result);
    if (result.failure_bytes)
        put_failure(&filling, &result);
    *progress = fuzz_u8(job->input) % 16;
    size_t size = CREWI_POOL_DRAFT_RESULTS + result.count * result.result_size;
    return size < CREWI_PORT_DRAFT_SIZE ? size : CREWI_PORT_DRAFT_SIZE;
}

/* Handles */

static size_t handle_note(struct filling *filling)
{
    struct crewi_handle_note note = {.id = fuzz_job_id(filling->job),
                                     .weight = fuzz_u32(filling->input),
                                     .process = fuzz_job_id(filling->job),
                                     .rank = fuzz_u8(filling->input) % 4};
    return put(filling, &note, sizeof note);
}

/* What calls for a shared object begin with. */
static size_t handle_id(struct filling *filling)
{
    uint64_t id = fuzz_job_id(filling->job);
    return put(filling, &id, sizeof id);
}

/* What waits for a shared object forgets. */
static size_t handle_range(struct filling *filling)
{
    uint64_t words[3] = {fuzz_job_id(filling->job), 0, fuzz_u8(filling->input)};
    return put(filling, words, sizeof words);
}

/* Pipes */

static size_t pipe_settings(struct filling *filling)
{
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_pipe_settings settings = {.capacity = choice & 2 ? 256 : CREWI_PIPE_CAPACITY,
                                           .duplex = choice & 1};
    return put(filling, &settings, sizeof settings);
}

/* A message, perhaps with a handle in it, or a large one. */
static size_t pipe_item(struct filling *filling)
{
    struct crewi_pipe_item item = {.end = fuzz_job_id(filling->job)};
    uint8_t choice = fuzz_u8(filling->input);
    uint64_t handle = choice & 1 ? fuzz_job_id(filling->job) : choice;
    item.size = choice & 2 ? fuzz_u8(filling->input) : sizeof handle;
    item.what = choice >> 2 & 3;
    if (!filling->client) { /* from a rank */
        item.number = choice >> 4 & 3;
        item.source = choice >> 6;
        item.share_count = fuzz_u8(filling->input) % 2;
        item.place.ticket = choice & 3;
    }
    put(filling, &item, sizeof item);
    size_t size = sizeof item;
    if (item.what == CREWI_PIPE_INLINE) {
        memset(filling->room + size, 0, item.size + 8);
        memcpy(filling->room + size, &handle, sizeof handle);
        size += item.share_count ? (item.size + 7) & ~(size_t)7 : item.size;
    }
    if (item.share_count) {
        struct crewi_share share = {handle, 1};
        memcpy(filling->room + size, &share, sizeof share);
        size += sizeof share;
    }
    return size;
}

static size_t pipe_note(struct filling *filling)
{
    struct crewi_pipe_note note = {.end = fuzz_job_id(filling->job),
                                   .value = fuzz_u8(filling->input),
                                   .rank = fuzz_u8(filling->input) % 4};
    return put(filling, &note, sizeof note);
}

static size_t pipe_large_note(struct filling *filling)
{
    struct crewi_pipe_large_note note = {.end = fuzz_job_id(filling->job)};
    uint8_t choice = fuzz_u8(filling->input);
    note.ticket = choice & 3;
    note.source = choice >> 2 & 3;
    note.rank = choice >> 4 & 3;
    note.status = choice & 0x80 ? CREW_EPIPE : CREW_OK;
    note.offset = fuzz_u8(filling->input);
    return put(filling, &note, sizeof note);
}

static size_t pipe_state(struct filling *filling)
{
    struct crewi_pipe_state state = {.end = fuzz_job_id(filling->job)};
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_pipe_source_state sources[3] = {{.rank = choice & 3}, {.rank = choice >> 2 & 3}};
    state.source_count = choice >> 4 & 3;
    state.item_count = choice >> 6;
    put(filling, &state, sizeof state);
    memcpy(filling->room + sizeof state, sources, sizeof sources);
    return sizeof state + state.source_count * sizeof *sources;
}

/* Queues */

static size_t queue_spec(struct filling *filling)
{
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_queue_spec spec = {.name = "q", .max_items = choice & 7, .scattered = choice >> 7};
    return put(filling, &spec, sizeof spec);
}

static size_t queue_head(struct filling *filling)
{
    struct crewi_queue_head head = {.id = fuzz_job_id(filling->job)};
    head.size = (uint64_t)fuzz_u8(filling->input) * 4;
    head.count = fuzz_u8(filling->input);
    return put(filling, &head, sizeof head);
}

/* An item, perhaps with a handle in it; from a rank perhaps with a share. */
static size_t queue_item(struct filling *filling)
{
    struct crewi_queue_head head = {.id = fuzz_job_id(filling->job), .count = 1};
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_share share = {choice & 1 ? fuzz_job_id(filling->job) : 7, 1};
    head.size = choice & 2 ? fuzz_u8(filling->input) : sizeof share.id;
    head.share_count = !filling->client && choice & 4;
    put(filling, &head, sizeof head);
    memset(filling->room + sizeof head, 0, head.size + 16);
    memcpy(filling->room + sizeof head, &share.id, sizeof share.id);
    if (!head.share_count)
        return sizeof head + head.size;
    size_t size = sizeof head + crewi_queue_pad(head.size);
    memcpy(filling->room + size, &share, sizeof share);
    return size + sizeof share;
}

static size_t queue_batch(struct filling *filling)
{
    struct crewi_queue_head head = {.id = fuzz_job_id(filling->job)};
    struct crewi_queue_record record = {.producer = fuzz_job_id(filling->job), .size = 16};
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_share share = {fuzz_job_id(filling->job), 1};
    size_t size = put(filling, &head, sizeof head);
    record.share_count = choice >> 2 & 1;
    record.rank = choice >> 3 & 3;
    for (int i = choice & 3; i > 0; i--) {
        memcpy(filling->room + size, &record, sizeof record);
        memset(filling->room + size + sizeof record, 5, record.size);
        size += sizeof record + record.size;
        memcpy(filling->room + size, &share, sizeof share);
        size += record.share_count * sizeof share;
    }
    return size;
}

static size_t queue_note(struct filling *filling)
{
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_queue_note note = {.id = fuzz_job_id(filling->job),
                                    .number = fuzz_u8(filling->input),
                                    .rank = choice & 3,
                                    .flags = choice >> 2};
    note.process = filling->job->roots[choice % FUZZ_JOB_RANKS].base.process;
    return put(filling, &note, sizeof note);
}

/* Lists, dicts, sets and namespaces */

static size_t container_spec(struct filling *filling)
{
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_container_spec spec = {.name = "c",
                                        .max_items = choice >> 4,
                                        .max_bytes = 100000,
                                        .type = CREWI_LIST + choice % 4};
    return put(filling, &spec, sizeof spec);
}

/* A small one of each type that there is. */
static size_t packed_value(struct filling *filling, size_t at)
{
    uint8_t choice = fuzz_u8(filling->input);
    uint64_t id = choice % 8 == 4 ? fuzz_job_id(filling->job) : 0;
    crew_any item = crew_int(choice >> 5);
    crew_any_entry entry = {.key = item, .value = crew_string("v")};
    const crew_any values[] = {item,
                               crew_nil(),
                               crew_bool(choice >> 5 & 1),
                               crew_double((choice >> 5) / 2.0),
                               CREW_HANDLE(id),
                               crew_string_sized("abcdefg", choice >> 5),
                               {.type = CREW_ANY_LIST, .list = {&item, 1, 0}},
                               {.type = CREW_ANY_DICT, .dict = {&entry, 1, 0, NULL}}};
    unsigned char *begin = filling->room + at;
    return (size_t)(crewi_any_write(&values[choice % 8], begin) - begin);
}

/* Some values; from a rank perhaps with a share behind them. */
static size_t container_request(struct filling *filling)
{
    struct crewi_container_head head = {.id = fuzz_job_id(filling->job)};
    uint8_t choice = fuzz_u8(filling->input), flags = fuzz_u8(filling->input);
    head.type = (uint8_t)(CREWI_LIST + choice % 4);
    head.count = choice >> 2 & 3;
    head.index = (int8_t)(choice >> 4) - 4;
    head.stop = flags >> 6;
    head.version = flags >> 4 & 7;
    head.flags = flags;
    head.share_count = !filling->client && flags & 64;
    size_t size = sizeof head;
    for (uint32_t i = 0; i < head.count; i++)
        size += packed_value(filling, size);
    struct crewi_share share = {head.share_count ? fuzz_job_id(filling->job) : 0, 1};
    put(filling, &head, sizeof head);
    memcpy(filling->room + size, &share, sizeof share);
    return size + head.share_count * sizeof share;
}

/* Teams */

/* Of one to four members, on one rank or on two neighbours. */
static size_t team_spec(struct filling *filling)
{
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_team_spec spec = {.member = function(),
                                   .function = function(),
                                   .size = 1 + choice % 4,
                                   .inside = choice >> 7,
                                   .name = "t",
                                   .creator_name = "MainProcess"};
    uint32_t ranks[4] = {0};
    for (uint32_t i = 0; i < spec.size; i++)
        ranks[i] = (uint32_t)((choice >> 2 & 3) + (choice >> 4 & 1 && i > 1));
    put(filling, &spec, sizeof spec);
    memcpy(filling->room + sizeof spec, ranks, sizeof ranks);
    return sizeof spec + sizeof ranks;
}

static size_t team_entry(struct filling *filling)
{
    struct crewi_team_entry entry = {.id = fuzz_job_id(filling->job),
                                     .rank = fuzz_u8(filling->input) & 3};
    return put(filling, &entry, sizeof entry);
}

/* Two elements of each, or counts of two for up to four. */
static size_t team_head(struct filling *filling)
{
    uint8_t kind = fuzz_u8(filling->input), choice = fuzz_u8(filling->input);
    struct crewi_team_head head = {.id = fuzz_job_id(filling->job), .own_count = 2};
    head.what = (struct crewi_team_what){.count = choice & 1 ? 2 : 0,
                                         .root = choice >> 1 & 3,
                                         .kind = kind % 11,
                                         .type = CREW_INT32,
                                         .operation = CREW_SUM};
    uint64_t words[8] = {2, 2, 2, 2, choice, choice, choice, choice};
    put(filling, &head, sizeof head);
    memcpy(filling->room + sizeof head, words, sizeof words);
    return sizeof head + (size_t)(choice >> 4) * sizeof(uint32_t);
}

static size_t team_gang(struct filling *filling)
{
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_team_gang gang = {.id = fuzz_job_id(filling->job),
                                   .place_count = 1 + (choice & 1)};
    struct crewi_team_place places[2] = {{choice >> 1 & 3, 0, 1 + (choice >> 4 & 1)}};
    places[1] = (struct crewi_team_place){places[0].rank + 1, places[0].count, 1};
    gang.size = places[0].count + (choice & 1);
    put(filling, &gang, sizeof gang);
    memcpy(filling->room + sizeof gang, places, gang.place_count * sizeof *places);
    return sizeof gang + gang.place_count * sizeof *places;
}

static size_t team_note(struct filling *filling)
{
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_team_what what = {.count = choice, .kind = choice % 11, .type = CREW_INT32};
    struct crewi_team_note note = {.id = fuzz_job_id(filling->job),
                                   .number = fuzz_u8(filling->input),
                                   .lane = choice & 1,
                                   .member = choice >> 1 & 3,
                                   .place = choice >> 3 & 1,
                                   .broken = choice >> 4 & 1,
                                   .count = choice >> 5 & 1,
                                   .round = choice >> 6};
    note.until = note.number + note.count;
    note.cause = fuzz_u8(filling->input) % 7;
    put(filling, &note, sizeof note);
    memcpy(filling->room + sizeof note, &what, sizeof what);
    return sizeof note + note.count * sizeof what;
}

/* Arrays, and blocks of shared memory */

/* Of up to 255 elements, which are bytes, of 16, or of 64 bits. */
static size_t array_spec(struct filling *filling)
{
    static const crew_datatype types[] = {CREW_BYTE, CREW_INT16, CREW_DOUBLE, CREW_BOOL};
    uint8_t choice = fuzz_u8(filling->input);
    struct crewi_array_spec spec = {
        .name = "a", .type = types[choice & 3], .lock_use = choice >> 6};
    spec.count = fuzz_u8(filling->input);
    return put(filling, &spec, sizeof spec);
}

/* Some elements, and so many bytes behind. */
static size_t array_head(struct filling *filling)
{
    struct crewi_array_head head = {.id = fuzz_job_id(filling->job)};
    head.first = fuzz_u8(filling->input);
    head.count = fuzz_u8(filling->input);
    head.update = fuzz_u8(filling->input);
    uint8_t size = fuzz_u8(filling->input);
    put(filling, &head, sizeof head);
    memset(filling->room + sizeof head, 1, size);
    return sizeof head + size;
}

static size_t array_note(struct filling *filling)
{
    struct crewi_array_note note = {.id = fuzz_job_id(filling->job),
                                    .ticket = fuzz_u8(filling->input)};
    note.rank = note.ticket & 3;
    return put(filling, &note, sizeof note);
}

static size_t block_spec(struct filling *filling)
{
    struct crewi_shared_memory_spec spec = {.name = "a"};
    spec.name[0] = (char)fuzz_u8(filling->input);
    spec.size = fuzz_u8(filling->input);
    return put(filling, &spec, sizeof spec);
}

static const struct {
    uint8_t kind, op;
    fuzz_shape *shape;
} shapes[] = {
    {CREWI_KIND_CONTAINER, CREWI_CONTAINER_CREATE, container_spec},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_CREATE, process_spec},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_SIGNAL, number},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_SET_DAEMON, flag},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_FIND, name},
    {CREWI_KIND_PROCESS, CREWI_OP_FORGET_WAITS, range},
    {CREWI_KIND_PROCESS, CREWI_OP_CHILD_STARTED, child_note},
    {CREWI_KIND_PROCESS, CREWI_OP_CHILD_FAILED, child_note},
    {CREWI_KIND_PROCESS, CREWI_OP_CHILD_ENDED, child_note},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_SPAWN, process_order},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_SPAWNED, process_report},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_ENDED, process_report},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_STOP, process_stop},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_CLAIM, process_claim},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_CLAIMED, process_claim},
    {CREWI_KIND_PROCESS, CREWI_PROCESS_RELEASE, process_claim},
    {CREWI_KIND_POOL, CREWI_POOL_CREATE, pool_spec},
    {CREWI_KIND_POOL, CREWI_POOL_SUBMIT, pool_submission},
    {CREWI_KIND_POOL, CREWI_POOL_DESCRIBE, flag},
    {CREWI_KIND_POOL, CREWI_POOL_READY, pool_ready},
    {CREWI_KIND_POOL, CREWI_POOL_LENT, pool_lent},
    {CREWI_KIND_RESULT, CREWI_RESULT_TAKE, flag},
    {CREWI_KIND_RESULT, CREWI_RESULT_FETCH, range},
    {CREWI_KIND_RESULT, CREWI_OP_FORGET_WAITS, range},
    {CREWI_KIND_POOL, CREWI_POOL_UNFIT, number},
    {CREWI_KIND_POOL, CREWI_POOL_RESULT, pool_result},
    {CREWI_KIND_POOL, CREWI_POOL_STEAL, pool_steal},
    {CREWI_KIND_POOL, CREWI_POOL_STOLEN, pool_stolen},
    {CREWI_KIND_POOL, CREWI_WATCH_SPAWNED, process_report},
    {CREWI_KIND_POOL, CREWI_WATCH_ENDED, process_report},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_CREATE, queue_spec},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_PUT, queue_item},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_GET, queue_head},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_SIZE, queue_head},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_TASK_DONE, queue_head},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_JOIN, queue_head},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_GATHER, queue_head},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_CLOSE, queue_head},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_JOIN_THREAD, queue_head},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_CANCEL, queue_head},
    {CREWI_KIND_QUEUE, CREWI_OP_FORGET_WAITS, handle_range},
    {CREWI_KIND_QUEUE, CREWI_AT_HOME(CREWI_QUEUE_PUT), queue_item},
    {CREWI_KIND_QUEUE, CREWI_AT_HOME(CREWI_QUEUE_GET), queue_head},
    {CREWI_KIND_QUEUE, CREWI_AT_HOME(CREWI_QUEUE_SIZE), queue_head},
    {CREWI_KIND_QUEUE, CREWI_AT_HOME(CREWI_QUEUE_TASK_DONE), queue_head},
    {CREWI_KIND_QUEUE, CREWI_AT_HOME(CREWI_QUEUE_JOIN), queue_head},
    {CREWI_KIND_QUEUE, CREWI_AT_HOME(CREWI_QUEUE_GATHER), queue_head},
    {CREWI_KIND_QUEUE, CREWI_AT_HOME(CREWI_OP_FORGET_WAITS), handle_range},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_BATCH, queue_batch},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_HANDOVER, queue_item},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_RELEASED, queue_note},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_DROP, queue_note},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_FLUSH, queue_note},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_FLUSH_NOW, queue_note},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_FLUSHED, queue_note},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_ANNOUNCE, queue_note},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_BEGIN, queue_note},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_JOIN_IN, queue_note},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_GATHERED, queue_batch},
    {CREWI_KIND_QUEUE, CREWI_QUEUE_COUNTED, queue_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_CREATE, pipe_settings},
    {CREWI_KIND_PIPE, CREWI_PIPE_SEND, pipe_item},
    {CREWI_KIND_PIPE, CREWI_PIPE_NEXT, pipe_large_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_DONE, pipe_large_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_BLOCK, pipe_large_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_MORE, pipe_large_note},
    {CREWI_KIND_PIPE, CREWI_OP_FORGET_WAITS, handle_range},
    {CREWI_KIND_PIPE, CREWI_PIPE_ITEM, pipe_item},
    {CREWI_KIND_PIPE, CREWI_PIPE_CREDIT, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_HURRY, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_FETCH, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_MOVE, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_HELD, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_STATE, pipe_state},
    {CREWI_KIND_PIPE, CREWI_PIPE_STATE_ITEM, pipe_item},
    {CREWI_KIND_PIPE, CREWI_PIPE_ARRIVED, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_MOVED, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_END, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_READERS_GONE, pipe_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_CHECK, pipe_large_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_COMPLETE, pipe_large_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_PULL, pipe_large_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_PIECE, pipe_large_note},
    {CREWI_KIND_PIPE, CREWI_PIPE_CUT, pipe_large_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_CREATE, team_spec},
    {CREWI_KIND_TEAM, CREWI_TEAM_ENTER, team_entry},
    {CREWI_KIND_TEAM, CREWI_TEAM_COLLECT, team_head},
    {CREWI_KIND_TEAM, CREWI_WATCH_SPAWNED, process_report},
    {CREWI_KIND_TEAM, CREWI_WATCH_ENDED, process_report},
    {CREWI_KIND_TEAM, CREWI_TEAM_ANNOUNCE, team_gang},
    {CREWI_KIND_TEAM, CREWI_TEAM_BEGIN, team_gang},
    {CREWI_KIND_TEAM, CREWI_TEAM_ANNOUNCE_END, team_gang},
    {CREWI_KIND_TEAM, CREWI_TEAM_END, team_gang},
    {CREWI_KIND_TEAM, CREWI_TEAM_READY, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_LEAVE, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_LEFT, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_ASK, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_STOP, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_STOPPED, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_VERDICT, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_CLOSING, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_CLOSED, team_note},
    {CREWI_KIND_TEAM, CREWI_TEAM_COLLECTED, team_note},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_CREATE, array_spec},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_OPEN, array_head},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_CLOSE, array_head},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_READ, array_head},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_WRITE, array_head},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_FILL, array_head},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_UPDATE, array_head},
    {CREWI_KIND_ARRAY, CREWI_AT_HOME(CREWI_ARRAY_READ), array_head},
    {CREWI_KIND_ARRAY, CREWI_AT_HOME(CREWI_ARRAY_WRITE), array_head},
    {CREWI_KIND_ARRAY, CREWI_AT_HOME(CREWI_ARRAY_FILL), array_head},
    {CREWI_KIND_ARRAY, CREWI_AT_HOME(CREWI_ARRAY_UPDATE), array_head},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_LOCATE, array_note},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_LOCATED, array_note},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_HOLD, array_note},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_LET_GO, array_note},
    {CREWI_KIND_ARRAY, CREWI_ARRAY_READ_IN, array_note},
    {CREWI_KIND_ARRAY, CREWI_SHARED_MEMORY_CREATE, block_spec},
    {CREWI_KIND_ARRAY, CREWI_SHARED_MEMORY_ATTACH, block_spec},
    {CREWI_KIND_ARRAY, CREWI_SHARED_MEMORY_UNLINK, block_spec},
};

size_t shape_payload(struct fuzz_job *job, struct fake_client *client, uint8_t kind, uint8_t op,
                     unsigned char *room)
{
    struct filling filling = {job, job->input, client, room};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (shapes[i].kind == kind && shapes[i].op == op)
            return shapes[i].shape(&filling);
    if (kind == CREWI_KIND_CONTAINER && op < CREWI_OP_ATTACH)
        return container_request(&filling);
    const struct crewi_engine *engine = fake_engine(job->fake, 0);
    if (kind >= CREWI_KIND_LIMIT || !engine->kinds[kind] || !engine->kinds[kind]->is_shared)
        return 0;
    return op >= CREWI_OP_ATTACH ? handle_note(&filling) : handle_id(&filling);
}
