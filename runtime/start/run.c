/* SPDX-License-Identifier: BSD-3-Clause */
/* crew_run(): the start-up order, and the end of a job. */
#include <crew/run.h>

#include "affinity/affinity.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/funcref.h"
#include "base/log.h"
#include "channel/pipe_channel.h"
#include "channel/queue_agent.h"
#include "engine/client.h"
#include "node/arena.h"
#include "node/job.h"
#include "node/output.h"
#include "node/scheduling.h"
#include "node/title.h"
#include "observe/observe.h"
#include "pool/pool_home.h"
#include "process/process.h"
#include "process/process_call.h"
#include "shared/array_agent.h"
#include "shared/container_agent.h"
#include "shared/shared_memory.h"
#include "start/hello.h"
#include "start/mpi.h"
#include "sync/sync_agent.h"
#include "team/gang.h"
#include "team/team_call.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/** All that a rank has. One in a process. */
static struct {
    struct crewi_loop loop;
    struct crewi_client main;
    struct crewi_transport *transport;
    struct crewi_affinity *affinity;
    struct crewi_bell *bell;
    struct crewi_bell **peer_bells;
    struct crewi_forkserver server;
    int bell_fd, job_fd;
    pthread_t service;
    pid_t pid;
    bool called; /* crew_run() was: also in children, which are forked after that */
    bool begun, over;
} rank;

const char *crew_version(void)
{
    return CREW_VERSION;
}

/* Before MPI: what the fork server and its children inherit. */
static crew_status begin_node(bool launched)
{
    static struct crewi_forkserver_setup setup; /* the server keeps it */
    crewi_teams_init();
    crew_status status = crewi_modules_load();
    if (!status)
        status = crewi_environment_note(); /* what children count from */
    if (!status)
        status = crewi_bell_create(&rank.bell, &rank.bell_fd);
    if (!status)
        status = crewi_job_create(&rank.job_fd);
    if (status)
        return status;
    setup = (struct crewi_forkserver_setup){.bell = rank.bell,
                                            .job_fd = rank.job_fd,
                                            .launched = launched,
                                            .child_main = crewi_process_child_main};
    return crewi_forkserver_start(&rank.server, &setup);
}

/* Lines of what the rank itself prints leave in one write each, as those of its children do. */
static void buffer_lines(void)
{
    static char buffer[65536];
    setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
}

/* Whether the launcher passes the output of ranks on without saying which it is from. Otherwise it
 * goes by lines itself, or each rank's is wanted apart. */
static bool mixes_ranks(void)
{
    return getenv("OMPI_COMM_WORLD_RANK") && !getenv("OMPI_MCA_orte_tag_output") &&
           !getenv("OMPI_MCA_orte_timestamp_output") && !getenv("OMPI_MCA_orte_output_filename") &&
           !getenv("OMPI_MCA_orte_xml_output");
}

static crew_status begin_job(bool use_mpi, const char *trouble)
{
    crew_status status = use_mpi ? crewi_transport_create_mpi(&rank.transport, crewi_mpi_announced)
                                 : crewi_transport_create_local(&rank.transport);
    if (!status)
        status = crewi_affinity_create(&rank.affinity);
    if (status)
        return status;
    struct crewi_hello hello = {.affinity = rank.affinity,
                                .bell_fd = rank.bell_fd,
                                .job_fd = rank.job_fd,
                                .trouble = trouble};
    struct crewi_hello_answer answer = {0};
    status = crewi_hello(rank.transport, &hello, &answer);
    rank.peer_bells = answer.peer_bells;
    if (!status)
        status = crewi_environment_note(); /* what MPI has set meanwhile is no child's */
    /* Doorbells are found by process ids, too: where they are, an id means the same to all. */
    if (!status && rank.peer_bells && answer.first_pid != getpid() && mixes_ranks()) {
        crewi_output_share(answer.first_pid);
        status = crewi_forkserver_share_output(&rank.server, answer.first_pid);
    }
    return status;
}

static crew_status begin_engine(void)
{
    struct crewi_loop *loop = &rank.loop;
    crewi_loop_init(loop, rank.transport, rank.bell);
    loop->server = rank.server;
    loop->affinity = rank.affinity;
    if (rank.peer_bells)
        crewi_loop_use_doorbells(loop, rank.peer_bells);
    loop->engine.kinds[CREWI_KIND_POOL] = &crewi_pool_kind;
    loop->engine.kinds[CREWI_KIND_RESULT] = &crewi_result_kind;
    loop->engine.kinds[CREWI_KIND_QUEUE] = &crewi_queue_kind;
    loop->engine.kinds[CREWI_KIND_SYNC] = &crewi_sync_kind;
    loop->engine.kinds[CREWI_KIND_ARRAY] = &crewi_array_kind;
    loop->engine.kinds[CREWI_KIND_CONTAINER] = &crewi_container_kind;
    loop->engine.kinds[CREWI_KIND_TEAM] = &crewi_team_kind;
    crew_status status = crewi_pipes_init(&loop->engine);
    return status ? status : crewi_processes_init(loop);
}

static void *service_main(void *context)
{
    (void)context;
    /* Signals of the program are for the thread that runs it. */
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "crew service");
    crewi_scheduling_prefer_latency();
    crewi_loop_serve(&rank.loop);
    return NULL;
}

static crew_status begin_main(void)
{
    crewi_loop_lock(&rank.loop);
    crew_status status = crewi_process_begin_main(&rank.loop, &rank.main);
    crewi_loop_unlock(&rank.loop);
    if (status)
        return status;
    crewi_client_set_process(&rank.main);
    int code = pthread_create(&rank.service, NULL, service_main, NULL);
    return code ? crewi_error(CREW_ESYSTEM, "pthread_create: %s", strerror(code)) : CREW_OK;
}

static void end_rank(void)
{
    crewi_forkserver_stop(&rank.loop.server);
    crewi_transport_finish(rank.transport);
    crewi_gangs_fini(&rank.loop.engine);
    crewi_processes_fini(&rank.loop);
    crewi_shared_memory_fini(&rank.loop.engine);
    crewi_pipes_fini(&rank.loop.engine);
    crewi_loop_fini(&rank.loop);
    crewi_places_fini();
    crewi_hello_fini(rank.peer_bells);
    crewi_affinity_destroy(rank.affinity);
    crewi_bell_detach(rank.bell);
    close(rank.bell_fd);
    close(rank.job_fd);
    crewi_job_detach();
    crewi_modules_unload();
}

static void shut_others_down(void)
{
    struct crewi_engine *engine = &rank.loop.engine;
    engine->shut_down = true; /* no collective begins any more */
    for (uint32_t other = 1; other < engine->rank_count; other++) {
        struct crewi_frame *frame = crewi_frame_create(0);
        if (frame) {
            frame->header.type = CREWI_SHUTDOWN;
            frame->header.target_rank = other;
            crewi_engine_send(engine, frame);
        } else {
            crewi_loop_fatal(&rank.loop, "out of memory at the end");
        }
    }
    while (crewi_transport_activity(rank.transport) > CREWI_TRANSPORT_COLLECTIVE)
        crewi_loop_pass(&rank.loop);
}

/* The end of the main process, by return or by exit(). */
static void end_main(void)
{
    const struct crewi_client *client = crewi_client_current();
    if (!rank.begun || rank.over || !client || getpid() != rank.pid)
        return; /* the last: a process that the main process has forked itself */
    rank.over = true;
    if (client != &rank.main)
        crewi_loop_fatal(&rank.loop, "%s called exit() inside rank %d", client->identity.name,
                         crew_current_rank());
    crewi_threads_wait();
    crewi_process_leave();
    crewi_observe_forget(&rank.main);
    fflush(NULL);
    crewi_cache_clear(&rank.main.cache);
    crewi_loop_lock(&rank.loop);
    crewi_client_fini_local(&rank.main);
    crewi_client_set_process(NULL);
    crewi_engine_run(&rank.loop.engine, crewi_now_ns());
    crewi_loop_stop(&rank.loop);
    crewi_loop_unlock(&rank.loop);
    pthread_join(rank.service, NULL);
    crewi_loop_lock(&rank.loop);
    shut_others_down();
    crewi_loop_unlock(&rank.loop);
    end_rank();
}

static void say_error(void)
{
    if (*crew_error_message())
        fprintf(stderr, "crew: %s\n", crew_error_message());
    fflush(stderr);
}

/* What all ranks have agreed on is said by rank 0, and all end in order. Where one alone fails, it
 * says so and ends the job. */
static int fail_start(bool agreed)
{
    say_error();
    crewi_forkserver_stop(&rank.server);
    if (agreed)
        crewi_transport_finish(rank.transport);
    else if (rank.transport)
        crewi_transport_abort(rank.transport, 1);
    return 1;
}

/* Other ranks serve until rank 0 says that it is over. */
static void serve(void)
{
    crewi_loop_serve(&rank.loop);
    /* A collective that was announced before is waited for by other ranks. */
    crewi_loop_lock(&rank.loop);
    while (crewi_transport_activity(rank.transport) == CREWI_TRANSPORT_BUSY)
        crewi_loop_pass(&rank.loop);
    crewi_loop_unlock(&rank.loop);
    rank.over = true;
    end_rank();
}

static bool wants_mpi(void)
{
    return crewi_options.transport == CREWI_TRANSPORT_MPI ||
           (crewi_options.transport == CREWI_TRANSPORT_AUTO && crewi_transport_is_launched());
}

static int run_main(int argc, char **argv, int (*app)(int argc, char **argv))
{
    if (begin_main())
        return fail_start(false);
    int code = app(argc, argv);
    end_main();
    return code;
}

int crew_run(int argc, char **argv, int (*app)(int argc, char **argv))
{
    if (rank.called) {
        fprintf(stderr, "crew: crew_run() was called %s\n",
                crewi_client_is_copy() ? "in a process that fork() made"
                : rank.begun           ? "twice"
                                       : "in a process");
        return 1;
    }
    if (crewi_transport_check_unused()) {
        say_error();
        return 1;
    }
    rank.called = true;
    rank.pid = getpid();
    crewi_descriptors_open_standard(); /* before anything else opens a descriptor */
    char trouble[CREWI_ERROR_SIZE] = "";
    if (crewi_options_load())
        snprintf(trouble, sizeof trouble, "%s", crew_error_message());
    buffer_lines();
    char **copy = crewi_title_init(argc, argv);
    if (!copy || crewi_client_watch_forks() || begin_node(crewi_transport_is_launched()))
        return fail_start(false);
    crew_status status = begin_job(wants_mpi(), trouble);
    if (status)
        return fail_start(status == CREW_ESTATE || status == CREW_EBUILD);
    if (begin_engine())
        return fail_start(false);
    crewi_scheduling_prefer_latency();
    crewi_log_identify(rank.transport->rank == 0 ? "MainProcess" : "engine",
                       (int)rank.transport->rank, crew_rank_host((int)rank.transport->rank));
    rank.begun = true;
    if (atexit(end_main))
        return fail_start(false);
    int code = rank.transport->rank == 0 ? run_main(argc, copy, app) : (serve(), 0);
    free(copy);
    return !code && rank.loop.server.output_lost ? 1 : code;
}
