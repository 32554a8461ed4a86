/* SPDX-License-Identifier: BSD-3-Clause */
#include "settings.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_LIMIT 4096
#define REPEAT_LIMIT 1000000000
#define TILE_LIMIT 8192
#define TASK_LIMIT 1000000000
#define MEMORY_LIMIT (1 << 20) /* MiB */

enum key {
    KEY_SIZE = 256,
    KEY_REPEAT,
    KEY_TASKS,
    KEY_SEED,
    KEY_TILE,
    KEY_VERIFY,
    KEY_MEMORY,
    KEY_WORKERS,
    KEY_CHUNK,
    KEY_SCHEDULE,
    KEY_TIMEOUT,
    KEY_RETRIES,
    KEY_JOURNAL,
    KEY_START_METHOD,
    KEY_JSON,
    KEY_PROGRESS,
    KEY_NO_PROGRESS
};

const char *argp_program_version = "matmul_pool (crew) " CREW_VERSION;

static const struct argp_option options[] = {
    {0, 0, 0, 0, "Mode batch: independent small products (the default)", 1},
    {"size", KEY_SIZE, "N", 0, "rows and columns of each matrix (20)", 1},
    {"repeat", KEY_REPEAT, "N", 0, "products in each task (1000)", 1},
    {"tasks", KEY_TASKS, "N", 0, "tasks (2000)", 1},
    {"seed", KEY_SEED, "N", 0, "task i fills its matrices from seed + i (1)", 1},
    {0, 0, 0, 0, "Mode product: one product of two matrices in NumPy files", 2},
    {"output", 'o', "C.npy", 0, "where the product goes; needed", 2},
    {"tile", KEY_TILE, "N", 0, "rows and columns of a task's part (256)", 2},
    {"verify", KEY_VERIFY, 0, 0, "check the product with random vectors (Freivalds)", 2},
    {"memory", KEY_MEMORY, "MIB", 0,
     "for parts at a time (512); a product of more is done in waves, each of which has a journal "
     "of "
     "its own: FILE, FILE.2, ...",
     2},
    {0, 0, 0, 0, "Both:", 3},
    {"workers", KEY_WORKERS, "N", 0, "worker processes (one for each rank)", 3},
    {"chunk", KEY_CHUNK, "N|auto", 0, "tasks handed out at a time (auto)", 3},
    {"schedule", KEY_SCHEDULE, "NAME", 0,
     "where chunks are auto: guided, static, dynamic, factoring or weighted (guided)", 3},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "that one task may take (any time)", 3},
    {"retries", KEY_RETRIES, "N", 0, "how often a task that failed is tried again (0)", 3},
    {"journal", KEY_JOURNAL, "FILE", 0,
     "keep what is finished there, and do only what is missing (none)", 3},
    {"start-method", KEY_START_METHOD, "forkserver|rank", 0, "where workers run (forkserver)", 3},
    {"json", KEY_JSON, "FILE", 0, "write the report as JSON; - for stdout", 3},
    {"progress", KEY_PROGRESS, 0, 0, "draw a progress bar (default on a terminal)", 3},
    {"no-progress", KEY_NO_PROGRESS, 0, 0, "draw none", 3},
    {0},
};

/* One line, and the end of the program. */
static _Noreturn void usage_error(const struct argp_state *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static _Noreturn void usage_error(const struct argp_state *state, const char *format, ...)
{
    va_list args;
    fprintf(state->err_stream, "%s: ", state->name);
    va_start(args, format);
    vfprintf(state->err_stream, format, args);
    va_end(args);
    fprintf(state->err_stream, " (see --help)\n");
    exit(MATMUL_EXIT_USAGE);
}

/* A whole number from low to high, or the end of the program. */
static long long number(const char *option, const char *text, long long low, long long high,
                        const struct argp_state *state)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text || value < low || value > high)
        usage_error(state, "%s %s: expected a whole number from %lld to %lld", option, text, low,
                    high);
    return value;
}

static uint64_t seed(const char *text, const struct argp_state *state)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-')
        usage_error(state, "--seed %s: expected a whole number from 0 to %llu", text, ULLONG_MAX);
    return value;
}

static size_t chunk(const char *text, const struct argp_state *state)
{
    if (strcmp(text, "auto") == 0)
        return 0;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text || value < 1 || value > TASK_LIMIT)
        usage_error(state, "--chunk %s: expected a whole number from 1 to %d, or auto", text,
                    TASK_LIMIT);
    return (size_t)value;
}

static const char *const schedules[] = {[CREW_SCHEDULE_GUIDED] = "guided",
                                        [CREW_SCHEDULE_STATIC] = "static",
                                        [CREW_SCHEDULE_DYNAMIC] = "dynamic",
                                        [CREW_SCHEDULE_FACTORING] = "factoring",
                                        [CREW_SCHEDULE_WEIGHTED] = "weighted"};

const char *matmul_schedule_name(crew_schedule schedule)
{
    return schedules[schedule];
}

static crew_schedule schedule(const char *text, const struct argp_state *state)
{
    for (int i = CREW_SCHEDULE_GUIDED; i <= CREW_SCHEDULE_WEIGHTED; i++)
        if (strcmp(text, schedules[i]) == 0)
            return (crew_schedule)i;
    usage_error(state, "--schedule %s: expected guided, static, dynamic, factoring or weighted",
                text);
}

static double timeout_s(const char *text, const struct argp_state *state)
{
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || !(value > 0) || value > 1e9)
        usage_error(state, "--timeout %s: expected a number of seconds above 0", text);
    return value;
}

static crew_start_method start_method(const char *text, const struct argp_state *state)
{
    if (strcmp(text, "rank") == 0)
        return CREW_START_RANK;
    if (strcmp(text, "forkserver") != 0)
        usage_error(state, "--start-method %s: expected forkserver or rank", text);
    return CREW_START_FORKSERVER;
}

static void argument(struct matmul_settings *settings, char *text, const struct argp_state *state)
{
    if (state->arg_num == 0) {
        if (strcmp(text, "batch") != 0 && strcmp(text, "product") != 0)
            usage_error(state, "the mode %s: expected batch or product", text);
        settings->mode = strcmp(text, "product") == 0 ? MATMUL_PRODUCT : MATMUL_BATCH;
    } else if (settings->mode == MATMUL_PRODUCT && state->arg_num == 1) {
        settings->a = text;
    } else if (settings->mode == MATMUL_PRODUCT && state->arg_num == 2) {
        settings->b = text;
    } else {
        usage_error(state, "%s is one argument too many", text);
    }
}

static void check(const struct matmul_settings *settings, const struct argp_state *state)
{
    if (settings->mode == MATMUL_PRODUCT && !settings->b)
        usage_error(state, "product needs two files: matmul_pool product A.npy B.npy -o C.npy");
    if (settings->mode == MATMUL_PRODUCT && !settings->output)
        usage_error(state, "product needs -o: where the result goes");
    if (settings->mode == MATMUL_BATCH && (settings->output || settings->verify))
        usage_error(state, "%s belongs to the mode product", settings->output ? "-o" : "--verify");
    if (settings->start_method == CREW_START_RANK && settings->workers > crew_rank_count())
        usage_error(state,
                    "--workers %d --start-method rank: there are %d ranks, and each has room for "
                    "one worker",
                    settings->workers, crew_rank_count());
    if (settings->start_method == CREW_START_RANK && settings->timeout_s > 0)
        usage_error(state, "--timeout with --start-method rank: a task there cannot be ended");
}

static error_t parse_batch(int key, char *text, struct matmul_settings *settings,
                           const struct argp_state *state)
{
    switch (key) {
    case KEY_SIZE:
        settings->size = (int)number("--size", text, 1, SIZE_LIMIT, state);
        return 0;
    case KEY_REPEAT:
        settings->repeat = (int)number("--repeat", text, 1, REPEAT_LIMIT, state);
        return 0;
    case KEY_TASKS:
        settings->tasks = (size_t)number("--tasks", text, 1, TASK_LIMIT, state);
        return 0;
    case KEY_SEED:
        settings->seed = seed(text, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_common(int key, char *text, struct matmul_settings *settings,
                            const struct argp_state *state)
{
    switch (key) {
    case KEY_WORKERS:
        settings->workers = (int)number("--workers", text, 1, 4096, state);
        return 0;
    case KEY_CHUNK:
        settings->chunk = chunk(text, state);
        return 0;
    case KEY_SCHEDULE:
        settings->schedule = schedule(text, state);
        return 0;
    case KEY_TIMEOUT:
        settings->timeout_s = timeout_s(text, state);
        return 0;
    case KEY_RETRIES:
        settings->retries = (int)number("--retries", text, 0, CREW_RETRY_LIMIT, state);
        return 0;
    case KEY_JOURNAL:
        settings->journal = text;
        return 0;
    case KEY_START_METHOD:
        settings->start_method = start_method(text, state);
        return 0;
    case KEY_JSON:
        settings->json = text;
        return 0;
    case KEY_PROGRESS:
    case KEY_NO_PROGRESS:
        settings->progress = key == KEY_PROGRESS;
        return 0;
    default:
        return parse_batch(key, text, settings, state);
    }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct matmul_settings *settings = state->input;
    switch (key) {
    case 'o':
        settings->output = text;
        return 0;
    case KEY_TILE:
        settings->tile = (int)number("--tile", text, 1, TILE_LIMIT, state);
        return 0;
    case KEY_VERIFY:
        settings->verify = true;
        return 0;
    case KEY_MEMORY:
        settings->memory = (size_t)number("--memory", text, 1, MEMORY_LIMIT, state) << 20;
        return 0;
    case ARGP_KEY_ARG:
        argument(settings, text, state);
        return 0;
    case ARGP_KEY_SUCCESS:
        check(settings, state);
        return 0;
    default:
        return parse_common(key, text, settings, state);
    }
}

/* Behind the options: what the runtime itself listens to. */
static char *help_filter(int key, const char *text, void *input)
{
    (void)input;
    if (key != ARGP_KEY_HELP_EXTRA)
        return (char *)(uintptr_t)text;
    char *extra = NULL;
    size_t size;
    FILE *stream = open_memstream(&extra, &size);
    if (!stream)
        return NULL;
    fprintf(stream, "Environment:\n");
    crew_options_print(stream);
    fclose(stream);
    return extra;
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[batch]\nproduct A.npy B.npy -o C.npy",
    .doc = "Multiplies matrices on a pool of workers, and reports how well that went.\v"
           "Run it with mpirun -np N matmul_pool ..., or without mpirun on this machine alone.",
    .help_filter = help_filter,
};

void matmul_settings_parse(struct matmul_settings *settings, int argc, char **argv)
{
    *settings = (struct matmul_settings){.size = 20,
                                         .repeat = 1000,
                                         .tasks = 2000,
                                         .seed = 1,
                                         .tile = 256,
                                         .memory = (size_t)512 << 20,
                                         .start_method = CREW_START_FORKSERVER,
                                         .progress = matmul_stderr_is_terminal()};
    argp_err_exit_status = MATMUL_EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, settings))
        exit(MATMUL_EXIT_USAGE);
}

const char *matmul_start_method_name(crew_start_method method)
{
    return method == CREW_START_RANK ? "rank" : "forkserver";
}

/* Under mpirun our stderr is a pipe to it, so what counts is where its own goes: it is our parent
 * on the first host. */
bool matmul_stderr_is_terminal(void)
{
    char link[64], target[64];
    if (isatty(STDERR_FILENO))
        return true;
    if (!getenv("OMPI_COMM_WORLD_RANK"))
        return false;
    snprintf(link, sizeof link, "/proc/%d/fd/2", (int)getppid());
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

crew_map_attr matmul_map_attr(const struct matmul_settings *settings)
{
    return (crew_map_attr){.chunk = settings->chunk,
                           .schedule = settings->schedule,
                           .timeout_s = settings->timeout_s,
                           .retries = settings->retries,
                           .journal = settings->journal,
                           .progress = settings->progress};
}
