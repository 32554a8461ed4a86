/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a process: as a child of the fork server, or as a thread of its rank. */
#include "process/process.h"

#include "base/clock.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stack.h"
#include "node/job.h"
#include "observe/observe.h"
#include "process/must.h"
#include "process/process_call.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Takes on what the order says; NULL when the frame is none. */
static const struct crewi_process_order *take_order(struct crewi_client *client,
                                                    const struct crewi_frame *frame)
{
    const struct crewi_process_order *order = (const void *)frame->payload;
    struct crewi_identity *identity = &client->identity;
    if (frame->header.kind != CREWI_KIND_PROCESS || frame->header.size < sizeof *order ||
        frame->header.size - sizeof *order < order->environment_size)
        return NULL;
    identity->process.id = order->process;
    memcpy(identity->name, order->spec.name, sizeof identity->name);
    memcpy(identity->path, order->path, sizeof identity->path);
    identity->daemon = order->spec.daemon;
    identity->parent.id = order->spec.creator;
    identity->start_method = (crew_start_method)order->spec.start_method;
    crewi_logger_set(&client->logger, order->spec.log);
    return order;
}

/* Where the argument is, and what of it is to be given back. */
struct argument {
    void *memory;
    uint64_t mapped;           /* bytes; 0: it is in a frame */
    struct crewi_frame *frame; /* its own one, where it had to be asked for */
};

/* The bytes of a parcel that the kernel does not let us open. */
static crew_status ask_for_argument(uint64_t process, struct argument *argument)
{
    struct crewi_call call = {.kind = CREWI_KIND_PROCESS,
                              .op = CREWI_PROCESS_ARGUMENT,
                              .rank = (uint32_t)crewi_job->rank,
                              .timeout_ns = CREWI_FOREVER};
    crew_status status = crewi_call(&call, &argument->frame);
    if (status == CREW_ENOENT) {
        call.object = process;
        status = crewi_call(&call, &argument->frame);
    }
    if (!status)
        argument->memory = argument->frame->payload;
    return status;
}

/* It moves to the front of its frame, where memory is aligned as malloc's, or is mapped. */
static crew_status take_argument(struct crewi_frame *frame, struct argument *argument)
{
    const struct crewi_process_order *order = (const void *)frame->payload;
    uint64_t head = sizeof *order + order->environment_size, size = frame->header.size - head;
    if (order->spec.parcel.size) {
        if (crewi_parcel_map(&order->spec.parcel, &argument->memory))
            return ask_for_argument(order->process, argument);
        argument->mapped = order->spec.parcel.size;
        return CREW_OK;
    }
    memmove(frame->payload, frame->payload + head, size);
    argument->memory = size ? frame->payload : NULL;
    return CREW_OK;
}

struct body_call {
    crew_process_function *body;
    void *arg;
};

static int call_body(void *context)
{
    const struct body_call *call = context;
    return call->body(call->arg);
}

/* Inside a rank, whose pools use the arrays of their creator in place, what the function has on its
 * stack stays until the client is detached. */
static int run(struct crewi_frame *frame, struct argument *argument)
{
    const struct crewi_process_order *order = (const void *)frame->payload;
    crewi_function *function = (crewi_function *)(uintptr_t)order->function;
    bool is_class = order->spec.is_class;
    if ((!function && crewi_funcref_resolve(&order->spec.function, &function)) ||
        take_argument(frame, argument)) {
        crewi_log(CREWI_LOG_ERROR, "%s cannot begin: %s", order->spec.name, crew_error_message());
        return 1;
    }
    crew_process_function *body = (crew_process_function *)function;
    crewi_log_notice(CREWI_LOG_INFO, "child process calling its function");
    if (is_class) { /* those in the copy are where they were in the creator */
        ((crew_process_class *)argument->memory)->run = body;
        ((crew_process_class *)argument->memory)->name = NULL;
    }
    struct body_call call = {body, argument->memory};
    int code = order->spec.inside ? crewi_stack_call_apart(call_body, &call) : call_body(&call);
    crewi_client_end_copy(code);
    return code;
}

static struct crewi_client self;
static struct crewi_frame *first_frame; /* holds the argument, for as long as the process lives */
static struct argument first_argument;

static pid_t own_pid;

/* What _exit() leaves out of the work of sanitizers and gcov. */
extern void __lsan_do_leak_check(void) __attribute__((weak));
#ifdef CREWI_COVERAGE
extern void __gcov_dump(void);
#endif

/* The last to run at exit(), whoever called it; not when the process is killed. What was registered
 * before it, before the fork, is the program's, and not for its children to do once more. A process
 * that the child has forked itself is no client, and nobody's parent. */
static void leave(int status, void *context)
{
    (void)context;
    if (crewi_client_current() == &self && getpid() == own_pid) {
        crewi_threads_wait();
        crewi_process_leave();
        crewi_log_notice(CREWI_LOG_INFO, "process exiting with exitcode %d", status & 0xff);
    }
    fflush(NULL);
    if (__lsan_do_leak_check)
        __lsan_do_leak_check();
#ifdef CREWI_COVERAGE
    __gcov_dump();
#endif
    _exit(status);
}

int crewi_process_child_main(const struct crewi_child *child)
{
    own_pid = getpid();
    if (on_exit(leave, NULL)) {
        crewi_error_word("out of memory");
        goto fail;
    }
    if (crewi_job_attach(child->job_fd) || crewi_client_init_remote(&self, child))
        goto fail;
    crewi_client_set_process(&self);
    if (crewi_take_delivery(&first_frame))
        goto fail;
    const struct crewi_process_order *order = take_order(&self, first_frame);
    if (!order) {
        crewi_error_word("the first message was no order");
        goto fail;
    }
    crewi_log_identify(self.identity.name, crewi_job->rank, crewi_job->ranks[crewi_job->rank].host);
    if (crewi_environment_apply((const char *)(order + 1), order->environment_size))
        goto fail;
    int code = run(first_frame, &first_argument);
    crewi_threads_wait();
    return code;
fail:
    crewi_log(CREWI_LOG_ERROR, "a process could not begin: %s", crew_error_message());
    return 1;
}

/* Inside the rank */

struct inside {
    struct crewi_client client;
    struct crewi_frame *start;
    struct crewi_loop *loop;
    struct argument argument;
    int wait_status;
};

static pthread_mutex_t inside_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool inside_taken; /* one at a time */

static void tell(const struct inside *inside, uint8_t op, int wait_status)
{
    struct crewi_child_note note = {.process = inside->client.identity.process.id,
                                    .pid = (int32_t)getpid(),
                                    .value = wait_status};
    struct crewi_outgoing out = {
        .kind = CREWI_KIND_PROCESS,
        .op = op,
        .rank = inside->loop->engine.rank,
        .head = &note,
        .head_size = sizeof note,
    };
    crewi_engine_must_tell(&inside->loop->engine, &out);
}

static void set_taken(bool taken)
{
    pthread_mutex_lock(&inside_mutex);
    inside_taken = taken;
    pthread_mutex_unlock(&inside_mutex);
}

static void leave_inside(const struct inside *inside)
{
    crewi_process_leave();
    crewi_log_notice(CREWI_LOG_INFO, "process exiting with exitcode %d",
                     WEXITSTATUS(inside->wait_status));
}

/* The end of the thread, by return, or inside a call when it was to end. */
static void end_inside(void *context)
{
    struct inside *inside = context;
    crewi_loop_lock(inside->loop);
    bool terminated = inside->client.end_requested;
    inside->client.leaving = true; /* a request that comes from now on comes too late */
    crewi_loop_unlock(inside->loop);
    if (terminated)
        inside->wait_status = SIGTERM;
    else
        leave_inside(inside);
    crewi_observe_forget(&inside->client);
    if (inside->argument.mapped) /* before anybody hears of the end */
        munmap(inside->argument.memory, inside->argument.mapped);
    crewi_frame_destroy(inside->argument.frame);
    crewi_client_set_thread(NULL);
    crewi_loop_lock(inside->loop);
    crewi_client_detach_local(&inside->client);
    crewi_engine_run(&inside->loop->engine, crewi_now_ns());
    crewi_loop_unlock(inside->loop); /* its records end without it */
    crewi_client_fini_local(&inside->client);
    crewi_loop_lock(inside->loop);
    tell(inside, CREWI_OP_CHILD_ENDED, inside->wait_status);
    set_taken(false);
    crewi_bell_ring(inside->loop->bell); /* with the mutex: without it the job may be over */
    crewi_loop_unlock(inside->loop);
    crewi_frame_destroy(inside->start);
    free(inside);
}

static void *inside_main(void *context)
{
    struct inside *inside = context;
    crewi_client_set_thread(&inside->client);
    pthread_cleanup_push(end_inside, inside);
    int code = run(inside->start, &inside->argument);
    inside->wait_status = (code & 0xff) << 8; /* as W_EXITCODE */
    pthread_cleanup_pop(1);
    return NULL;
}

/* The client is the first member; a process inside has one thread, so the caller is that. */
void crewi_process_exit_inside(int code)
{
    ((struct inside *)crewi_client_current())->wait_status = (code & 0xff) << 8;
    pthread_exit(NULL); /* runs end_inside() */
}

static crew_status begin_thread(struct inside *inside)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int code = pthread_create(&thread, &attributes, inside_main, inside);
    pthread_attr_destroy(&attributes);
    return code ? crewi_error(CREW_ESYSTEM, "pthread_create: %s", strerror(code)) : CREW_OK;
}

crew_status crewi_process_run_inside(struct crewi_loop *loop, struct crewi_frame *start,
                                     uint32_t *slot)
{
    struct inside *inside = NULL;
    crew_status status;
    if (inside_taken) {
        status = crewi_error(
            CREW_ESTATE,
            "rank %u runs a process inside already: CREW_START_RANK allows one on each rank",
            loop->engine.rank);
        goto fail;
    }
    inside = calloc(1, sizeof *inside);
    if (!inside) {
        status = crewi_error_memory();
        goto fail;
    }
    inside->start = start;
    inside->loop = loop;
    if (!take_order(&inside->client, start)) {
        status = crewi_error(CREW_EPROTO, "the first message was no order");
        goto fail;
    }
    status = crewi_client_init_local(&inside->client, loop);
    if (status)
        goto fail;
    *slot = inside->client.slot;
    set_taken(true);
    status = begin_thread(inside);
    if (!status) {
        tell(inside, CREWI_OP_CHILD_STARTED, 0); /* before its end: it needs the mutex for that */
        return CREW_OK;
    }
    set_taken(false);
    crewi_client_detach_local(&inside->client);
    crewi_client_fini_local(&inside->client);
fail:
    free(inside);
    crewi_frame_destroy(start);
    return status;
}

void crewi_process_stop_inside(struct crewi_loop *loop, uint32_t slot)
{
    struct crewi_endpoint *endpoint = loop->engine.endpoints[slot];
    if (!endpoint || !endpoint->local)
        return;
    crewi_client_request_end((struct crewi_client *)endpoint);
    crewi_engine_client_ends(&loop->engine, endpoint->process);
}
