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
#include "base/stack.h"
#include "channel/pipe_channel.h"
#include "channel/queue_agent.h"
#include "engine/client.h"
#include "node/arena.h"
#include "node/job.h"
#include "node/output.h"
#include "node/scheduling.h"
#include "node/signals.h"
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
#include "start/run.h"
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

/** All that a rank has, from crew_run() to its end. */
struct rank {
    struct crewi_loop loop;
    struct crewi_client main;
    struct crewi_transport *transport;
    struct crewi_affinity *affinity;
    struct crewi_bell *bell;
    struct crewi_bell **peer_bells;
    struct crewi_forkserver server;
    int bell_fd, job_fd;
    struct crewi_forkserver_setup setup; /* the server keeps it */
    pthread_t service;
    pid_t pid;
    bool begun, over;
    pthread_t ender; /* the thread that ends it, when it is over */
};

/* One at a time in a process. NULL before and after; children have a copy of what it was when their
 * fork server began. */
static struct rank *rank;

static bool has_begun;   /* some time; not in children */
static bool output_lost; /* in the last run: see crewi_forkserver */

const char *crew_version(void)
{
    return CREW_VERSION;
}

/* Before MPI: what the fork server and its children inherit. */
static crew_status begin_node(bool launched)
{
    crewi_teams_init();
    crew_status status = crewi_modules_load();
    if (!status)
        status = crewi_environment_note(); /* what children count from */
    if (!status)
        status = crewi_bell_create(&rank->bell, &rank->bell_fd);
    if (!status)
        status = crewi_job_create(&rank->job_fd);
    if (status)
        return status;
    rank->setup = (struct crewi_forkserver_setup){.bell = rank->bell,
                                                  .job_fd = rank->job_fd,
                                                  .launched = launched,
                                                  .child_main = crewi_process_child_main};
    return crewi_forkserver_start(&rank->server, &rank->setup);
}

static void flush_stream(FILE *stream)
{
    if (ftrylockfile(stream))
        return;
    fflush(stream);
    funlockfile(stream);
}

/* Not all streams: a thread that goes along with the process may hold one, in a read for example,
 * for as long as it likes. exit() does not wait for these either. */
static void flush_output(void)
{
    flush_stream(stdout);
    flush_stream(stderr);
}

/* Lines of what the rank itself prints leave in one write each, as those of its children do. */
static void buffer_lines(void)
{
    static char buffer[65536];
    static bool is_done; /* what a stream has is not to be exchanged when it was written to */
    if (is_done)
        return;
    is_done = true;
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
    crew_status status = use_mpi ? crewi_transport_create_mpi(&rank->transport, crewi_mpi_announced)
                                 : crewi_transport_create_local(&rank->transport);
    if (!status)
        status = crewi_affinity_create(&rank->affinity);
    if (status)
        return status;
    struct crewi_hello hello = {.affinity = rank->affinity,
                                .bell = rank->bell,
                                .bell_fd = rank->bell_fd,
                                .job_fd = rank->job_fd,
                                .trouble = trouble};
    struct crewi_hello_answer answer = {0};
    status = crewi_hello(rank->transport, &hello, &answer);
    rank->peer_bells = answer.peer_bells;
    if (!status)
        status = crewi_environment_note(); /* what MPI has set meanwhile is no child's */
    /* Whose doorbell is there, that one's streams are. */
    if (!status && rank->peer_bells && answer.first_pid != getpid() && mixes_ranks()) {
        crewi_output_share(answer.first_pid);
        status = crewi_forkserver_share_output(&rank->server, answer.first_pid);
    }
    return status;
}

static crew_status begin_engine(void)
{
    struct crewi_loop *loop = &rank->loop;
    crewi_loop_init(loop, rank->transport, rank->bell);
    loop->server = rank->server;
    loop->affinity = rank->affinity;
    if (rank->peer_bells)
        crewi_loop_use_doorbells(loop, rank->peer_bells);
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
    crewi_loop_serve(&rank->loop);
    return NULL;
}

static crew_status begin_main(void)
{
    crewi_loop_lock(&rank->loop);
    crew_status status = crewi_process_begin_main(&rank->loop, &rank->main);
    crewi_loop_unlock(&rank->loop);
    if (status)
        return status;
    crewi_client_set_process(&rank->main);
    int code = pthread_create(&rank->service, NULL, service_main, NULL);
    return code ? crewi_error(CREW_ESYSTEM, "pthread_create: %s", strerror(code)) : CREW_OK;
}

/* @p watched: there are threads that may be anywhere in a call that needs no message, as they go
 * along with the process (<crew/thread.h>). What they may look at stays then. */
static void end_rank(bool watched)
{
    crewi_forkserver_end_children(&rank->loop.server);
    crewi_transport_finish(rank->transport);
    crewi_forkserver_stop(&rank->loop.server);
    output_lost = rank->loop.server.output_lost;
    crewi_job_detach();
    if (watched) {
        rank = NULL;
        return;
    }
    crewi_gangs_fini(&rank->loop.engine);
    crewi_processes_fini(&rank->loop);
    crewi_shared_memory_fini(&rank->loop.engine);
    crewi_pipes_fini(&rank->loop.engine);
    crewi_loop_fini(&rank->loop);
    crewi_places_fini();
    crewi_hello_fini(rank->peer_bells);
    crewi_affinity_destroy(rank->affinity);
    crewi_bell_detach(rank->bell);
    close(rank->bell_fd);
    close(rank->job_fd);
    crewi_modules_unload();
    free(rank);
    rank = NULL;
}

static void shut_others_down(void)
{
    struct crewi_engine *engine = &rank->loop.engine;
    engine->shut_down = true; /* no collective begins any more */
    for (uint32_t other = 1; other < engine->rank_count; other++) {
        struct crewi_frame *frame = crewi_frame_create(0);
        if (frame) {
            frame->header.type = CREWI_SHUTDOWN;
            frame->header.target_rank = other;
            crewi_engine_send(engine, frame);
        } else {
            crewi_loop_fatal(&rank->loop, "out of memory at the end");
        }
    }
    crewi_loop_ring_others(&rank->loop);
    /* So that the others end while our fork server does. */
    crewi_transport_settle(rank->transport);
}

/* The client of the main process goes, and with it all threads that still use it. Whether there are
 * any. */
static bool end_client(void)
{
    crewi_client_hold_others(&rank->main);
    crewi_observe_forget(&rank->main);
    crewi_loop_lock(&rank->loop);
    crewi_client_detach_local(&rank->main);
    crewi_engine_run(&rank->loop.engine, crewi_now_ns());
    crewi_loop_stop(&rank->loop);
    crewi_loop_unlock(&rank->loop);
    pthread_join(rank->service, NULL);
    bool watched = crewi_client_begin_end();
    if (!watched)
        crewi_client_fini_local(&rank->main);
    return watched;
}

/* The end of the main process, by return or by exit(). */
static void end_main(void)
{
    if (!rank || !rank->begun || getpid() != rank->pid)
        return; /* the last: a process that the main process has forked itself */
    if (rank->over && !pthread_equal(rank->ender, pthread_self()))
        crewi_client_hold_thread(); /* exit() in another thread: the end goes on as it began */
    const struct crewi_client *client = crewi_client_current();
    if (!client || rank->over)
        return;
    rank->over = true;
    rank->ender = pthread_self();
    if (client != &rank->main)
        crewi_loop_fatal(&rank->loop, "%s called exit() inside rank %d", client->identity.name,
                         crew_current_rank());
    crewi_threads_wait();
    crewi_process_leave();
    flush_output();
    bool watched = end_client();
    crewi_loop_lock(&rank->loop);
    shut_others_down();
    crewi_loop_unlock(&rank->loop);
    end_rank(watched);
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
    crewi_forkserver_end_children(&rank->server);
    if (agreed)
        crewi_transport_finish(rank->transport);
    else if (rank->transport)
        crewi_transport_abort(rank->transport, 1);
    crewi_forkserver_stop(&rank->server);
    return 1;
}

/* Other ranks serve until rank 0 says that it is over. */
static void serve(void)
{
    crewi_loop_serve(&rank->loop);
    rank->over = true;
    rank->ender = pthread_self();
    end_rank(crewi_client_begin_end());
}

static bool wants_mpi(void)
{
    return crewi_options.transport == CREWI_TRANSPORT_MPI ||
           (crewi_options.transport == CREWI_TRANSPORT_AUTO && crewi_transport_is_launched());
}

struct app_call {
    int (*app)(int argc, char **argv);
    int argc;
    char **argv;
};

static int call_app(void *context)
{
    const struct app_call *call = context;
    return call->app(call->argc, call->argv);
}

/* What app had on its stack is left alone until end_main() has seen to it that nothing of a map is
 * read there or written any more, as if it had called exit(). */
static int run_main(int argc, char **argv, int (*app)(int argc, char **argv))
{
    struct app_call call = {app, argc, argv};
    if (begin_main())
        return fail_start(false);
    int code = crewi_stack_call_apart(call_app, &call);
    end_main();
    return code;
}

/* Once, and only if it can be called: what is registered with atexit() stays. */
static bool ends_at_exit(void)
{
    static bool does;
    if (!does)
        does = atexit(end_main) == 0;
    return does;
}

int crewi_run(int argc, char **argv, int (*app)(int argc, char **argv))
{
    char trouble[CREWI_ERROR_SIZE] = "", **copy;
    rank = calloc(1, sizeof *rank);
    if (!rank) {
        fprintf(stderr, "crew: no memory to begin\n");
        return 1;
    }
    rank->pid = getpid();
    crewi_descriptors_open_standard(); /* before anything else opens a descriptor */
    if (crewi_options_load())
        snprintf(trouble, sizeof trouble, "%s", crew_error_message());
    buffer_lines();
    copy = crewi_title_init(argc, argv);
    if (!copy || crewi_client_watch_forks() || begin_node(crewi_transport_is_launched()))
        return fail_start(false);
    crew_status status = begin_job(wants_mpi(), trouble);
    if (status)
        return fail_start(status == CREW_ESTATE || status == CREW_EBUILD);
    if (begin_engine())
        return fail_start(false);
    crewi_scheduling_prefer_latency();
    crewi_log_identify(rank->transport->rank == 0 ? "MainProcess" : "engine",
                       (int)rank->transport->rank, crew_rank_host((int)rank->transport->rank));
    if (rank->transport->rank != 0)
        crewi_signals_leave_to_main();
    rank->begun = has_begun = true;
    if (!ends_at_exit())
        return fail_start(false);
    int code = rank->transport->rank == 0 ? run_main(argc, copy, app) : (serve(), 0);
    crewi_client_finish_end();
    free(copy);
    return !code && output_lost ? 1 : code;
}

int crew_run(int argc, char **argv, int (*app)(int argc, char **argv))
{
    static bool called; /* also in children, which are forked after that */
    if (called) {
        fprintf(stderr, "crew: crew_run() was called %s\n",
                crewi_client_is_copy() ? "in a process that fork() made"
                : has_begun            ? "twice"
                                       : "in a process");
        return 1;
    }
    if (crewi_transport_check_unused()) {
        say_error();
        return 1;
    }
    called = true;
    return crewi_run(argc, argv, app);
}
