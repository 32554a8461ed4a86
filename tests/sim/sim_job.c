/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_job.h"

#include "base/clock.h"
#include "base/error.h"
#include "sim_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim_job *current;

struct sim_job *sim_job_current(void)
{
    return current;
}

/* What is said */

void sim_violation(struct sim_job *job, const char *format, ...)
{
    va_list args;
    if (job->failed)
        return;
    job->failed = true;
    va_start(args, format);
    vsnprintf(job->violation, sizeof job->violation, format, args);
    va_end(args);
    sim_trace(job, "VIOLATION: %s", job->violation);
}

void sim_trace(const struct sim_job *job, const char *format, ...)
{
    va_list args;
    if (!job->settings.trace)
        return;
    printf("%12.3f us  ", (double)(job->now_ns - SIM_START_NS) / 1000);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static const char *type_name(uint8_t type)
{
    static const char *const names[] = {"?",        "request",        "note",    "reply",
                                        "delivery", "client is gone", "shutdown"};
    return names[type < sizeof names / sizeof *names ? type : 0];
}

void sim_trace_frame(const struct sim_job *job, const char *what, uint32_t rank,
                     const struct crewi_frame *frame)
{
    const struct crewi_header *header = &frame->header;
    const char *op = NULL;
    char number[16];
    if (!job->settings.trace)
        return;
    if (header->type != CREWI_REPLY && job->scenario->op_name)
        op = job->scenario->op_name(header->kind, header->op);
    if (header->type == CREWI_REPLY)
        number[0] = '\0';
    else
        snprintf(number, sizeof number, "%u.%u", header->kind, header->op);
    uint64_t words[2] = {0};
    memcpy(words, frame->payload, header->size < sizeof words ? header->size : sizeof words);
    sim_trace(job,
              "rank %u %s %s %s -> rank %u, process %llx request %llu, status %d, %llu bytes: "
              "%llx %llx",
              rank, what, type_name(header->type), op ? op : number, header->target_rank,
              (unsigned long long)header->origin.process,
              (unsigned long long)header->origin.request, header->status,
              (unsigned long long)header->size, (unsigned long long)words[0],
              (unsigned long long)words[1]);
}

void sim_job_hash(struct sim_job *job, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t hash = job->hash ^ size;
    uint64_t word;
    for (; size >= sizeof word; size -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    while (size--)
        hash = (hash ^ *bytes++) * 0x100000001b3u;
    job->hash = hash;
}

/* Ranks */

void sim_job_after(struct sim_job *job, int64_t delay_ns,
                   void (*happen)(struct sim_job *job, const struct sim_event *event),
                   void *subject)
{
    struct sim_event event = {
        .at_ns = job->now_ns + delay_ns, .happen = happen, .subject = subject};
    sim_events_add(&job->events, &event);
}

static void accept(void *context, struct crewi_frame *frame)
{
    struct sim_rank *rank = context;
    struct sim_job *job = rank->job;
    if (crewi_header_check(&frame->header))
        sim_violation(job, "a header that cannot be: %s", crew_error_message());
    sim_job_hash(job, &job->now_ns, sizeof job->now_ns);
    sim_job_hash(job, &frame->header, sizeof frame->header);
    sim_job_hash(job, frame->payload, frame->header.size);
    sim_trace_frame(job, "takes", rank->engine.rank, frame);
    crewi_engine_accept(&rank->engine, frame);
}

static void run_rank(struct sim_job *job, const struct sim_event *event)
{
    struct sim_rank *rank = event->subject;
    const struct sim_weather *weather = &job->weather;
    if (rank->dead || rank->run_ns != event->at_ns)
        return;
    rank->run_ns = CREWI_FOREVER;
    if (rank->paused_until_ns > job->now_ns) {
        sim_rank_wake(rank, rank->paused_until_ns - job->now_ns);
        return;
    }
    bool clients_first = sim_chance(&job->random, 500);
    if (clients_first)
        sim_clients_drain(rank);
    crewi_transport_poll(&rank->transport.base, accept, rank);
    if (!clients_first)
        sim_clients_drain(rank);
    crewi_engine_run(&rank->engine, job->now_ns);
    int64_t next_ns = crewi_timers_next(&rank->engine.timers);
    if (next_ns != CREWI_FOREVER)
        sim_rank_wake(rank, next_ns > job->now_ns ? next_ns - job->now_ns : 0);
    if (sim_chance(&job->random, weather->pause_per_mille))
        rank->paused_until_ns = job->now_ns + sim_delay_ns(&job->random, weather->pause_ns);
}

void sim_rank_wake(struct sim_rank *rank, int64_t delay_ns)
{
    int64_t at_ns = rank->job->now_ns + delay_ns;
    if (rank->dead || rank->run_ns <= at_ns)
        return;
    rank->run_ns = at_ns;
    sim_job_after(rank->job, delay_ns, run_rank, rank);
}

static void arrive(struct sim_job *job, const struct sim_event *event)
{
    struct sim_rank *rank = &job->ranks[event->frame->header.target_rank];
    const struct sim_rank *sender = event->subject;
    if (rank->dead || sender->dead) {
        crewi_frame_destroy(event->frame);
        return;
    }
    crewi_frames_push(&rank->transport.arrived, event->frame);
    sim_rank_wake(rank, (int64_t)sim_below(&job->random, 500));
}

void sim_job_arrive(struct sim_job *job, uint32_t from, int64_t at_ns, struct crewi_frame *frame)
{
    struct sim_event event = {
        .at_ns = at_ns, .happen = arrive, .subject = &job->ranks[from], .frame = frame};
    sim_events_add(&job->events, &event);
}

void sim_job_set_kind(struct sim_job *job, enum crewi_kind_number number,
                      const struct crewi_kind *kind)
{
    for (uint32_t rank = 0; rank < job->rank_count; rank++)
        job->ranks[rank].engine.kinds[number] = kind;
}

/* Deaths */

static void rank_dies(struct sim_job *job, const struct sim_event *event)
{
    struct sim_rank *rank = event->subject;
    sim_trace(job, "rank %u dies", rank->engine.rank);
    rank->dead = true;
    job->broken = true;
    for (struct sim_client *client = rank->clients; client; client = client->next)
        sim_client_end(client);
}

static void plan_death(struct sim_job *job)
{
    if (job->weather.rank_dies)
        sim_job_after(job, (int64_t)sim_below(&job->random, job->weather.horizon_ns), rank_dies,
                      &job->ranks[sim_below(&job->random, job->rank_count)]);
}

/* From the beginning to the end */

static uint32_t up_to(struct sim_random *random, uint32_t exactly, uint32_t most)
{
    uint32_t one = (uint32_t)sim_between(random, 1, most);
    uint32_t another = (uint32_t)sim_between(random, 1, most);
    uint32_t chosen = one > another ? one : another; /* few are sometimes enough */
    return exactly ? exactly : chosen;
}

static void choose_weather(struct sim_job *job)
{
    static const int64_t thinks_ns[] = {200, 2000, 20000, 500000};
    static const uint64_t pauses[] = {0, 0, 5, 50};
    static const uint64_t deaths[] = {0, 100, 300, 800};
    struct sim_random *random = &job->random;
    job->weather = (struct sim_weather){
        .think_ns = thinks_ns[sim_below(random, 4)],
        .port_ns = 500,
        .pause_per_mille = pauses[sim_below(random, 4)],
        .pause_ns = 200000,
        .deaths_per_mille = deaths[sim_below(random, 4)],
        .rank_dies = sim_chance(random, 100),
    };
    job->weather.horizon_ns = (uint64_t)job->weather.think_ns * 3 * (job->steps + 1);
    job->network.typical_ns = sim_chance(random, 300) ? 50000 : 1500;
    if (job->settings.plant)
        job->weather.rank_dies = false;
}

/* What clients have sent by now is taken in. */
static void drain(void *host)
{
    sim_clients_take(host);
}

static const struct crewi_host_ops host_ops = {.drain = drain};

static void begin(struct sim_job *job, const struct sim_settings *settings)
{
    const struct sim_scenario *scenario = settings->scenario;
    *job = (struct sim_job){.settings = *settings, .scenario = scenario, .now_ns = SIM_START_NS};
    sim_random_begin(&job->random, settings->seed, 0);
    sim_network_init(&job->network, settings->seed);
    job->rank_count = up_to(&job->random, settings->ranks, scenario->ranks);
    job->client_target = up_to(&job->random, settings->clients, scenario->clients);
    job->steps = up_to(&job->random, settings->steps, scenario->steps);
    choose_weather(job);
    job->network.plant = settings->plant;
    job->network.until_plant = sim_below(&job->random, 8);
    job->ranks = sim_alloc(job->rank_count * sizeof *job->ranks);
    job->host_of_rank = sim_alloc(job->rank_count * sizeof *job->host_of_rank);
    for (uint32_t i = 0; i < job->rank_count; i++) {
        struct sim_rank *rank = &job->ranks[i];
        job->host_of_rank[i] = (int)(i / 2);
        *rank = (struct sim_rank){.job = job, .run_ns = CREWI_FOREVER};
        sim_transport_init(&rank->transport, job, i, job->rank_count);
        rank->transport.base.host_of_rank = job->host_of_rank;
        crewi_engine_init(&rank->engine, &rank->transport.base);
        rank->engine.now_ns = job->now_ns;
        rank->engine.host_ops = &host_ops;
        rank->engine.host = rank;
    }
}

static void run_to_rest(struct sim_job *job)
{
    struct sim_event event;
    while (!job->failed && sim_events_take(&job->events, &event)) {
        if (event.at_ns < job->now_ns)
            sim_violation(job, "the time runs backwards");
        job->now_ns = event.at_ns;
        event.happen(job, &event);
        uint64_t most = job->scenario->most_events * (job->client_count + 1) * (job->steps + 10);
        if (++job->happened > most)
            sim_violation(job, "it does not come to rest");
    }
}

/* Those with a timeout have to be answered by the time that nothing moves any more. */
static void check_requests(struct sim_job *job, bool timed_only)
{
    for (uint32_t i = 0; i < job->client_count && !job->broken; i++) {
        const struct sim_client *client = job->clients[i];
        for (size_t k = 0; k < client->request_count && !client->ended; k++) {
            const struct sim_request *request = &client->requests[k];
            if (!request->forgotten && (request->is_timed || !timed_only))
                sim_violation(job, "request %llu (operation %u%s) of client %u was never answered",
                              (unsigned long long)request->number, request->op,
                              request->is_timed ? ", with a timeout" : "", client->number);
        }
    }
}

static void check_rest(struct sim_job *job)
{
    for (uint32_t i = 0; i < job->rank_count; i++) {
        const struct crewi_engine *engine = &job->ranks[i].engine;
        for (size_t k = 0; k < engine->handles.room; k++)
            if (engine->handles.entries[k].id)
                sim_trace(job, "rank %u has a handle of %llx left", i,
                          (unsigned long long)engine->handles.entries[k].id);
        if (engine->objects.count || engine->handles.count || engine->timers.count)
            sim_violation(job, "rank %u keeps %zu objects, %zu handles and %zu timers to the end",
                          i, engine->objects.count, engine->handles.count, engine->timers.count);
    }
}

static void wind_down(struct sim_job *job)
{
    job->winding_down = true;
    for (uint32_t i = 0; i < job->client_count; i++)
        sim_client_end(job->clients[i]);
}

bool sim_job_run(struct sim_job *job, const struct sim_settings *settings)
{
    begin(job, settings);
    current = job;
    job->scenario->begin(job);
    plan_death(job);
    do {
        run_to_rest(job);
        check_requests(job, true);
    } while (!job->failed && job->scenario->at_rest(job));
    check_requests(job, false);
    wind_down(job);
    run_to_rest(job);
    if (!job->broken && !job->failed) {
        check_rest(job);
        job->scenario->finish(job);
    }
    current = NULL;
    return !job->failed;
}

void sim_job_fini(struct sim_job *job)
{
    sim_events_fini(&job->events);
    for (uint32_t i = 0; i < job->rank_count; i++) {
        crewi_engine_fini(&job->ranks[i].engine);
        sim_transport_fini(&job->ranks[i].transport);
    }
    job->scenario->destroy(job);
    for (uint32_t i = 0; i < job->client_count; i++)
        sim_client_destroy(job->clients[i]);
    sim_network_fini(&job->network, job->rank_count);
    crewi_table_fini(&job->by_process);
    free(job->clients);
    free(job->host_of_rank);
    free(job->ranks);
}
