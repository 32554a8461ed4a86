/* SPDX-License-Identifier: BSD-3-Clause */
/* How even the ends of maps are, by schedule, with up to tens of thousands of workers: one home of
 * a pool, the real one, in virtual time. A message costs the home some time, one after the other,
 * and takes some time to a worker or back; a worker does nothing but its tasks. */
#include "schedules.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MICROSECOND 1000
#define MOST_CHOSEN 8

/* Names and numbers to choose from */

struct name {
    const char *name;
    int number;
};

static const struct name schedule_names[] = {
    {"guided", CREW_SCHEDULE_GUIDED},     {"static", CREW_SCHEDULE_STATIC},
    {"dynamic", CREW_SCHEDULE_DYNAMIC},   {"factoring", CREW_SCHEDULE_FACTORING},
    {"weighted", CREW_SCHEDULE_WEIGHTED},
};

static const struct name lengths_names[] = {
    {"even", LENGTHS_EVEN},
    {"random", LENGTHS_RANDOM},
    {"rising", LENGTHS_RISING},
    {"bimodal", LENGTHS_BIMODAL},
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

struct arguments {
    struct schedules_settings settings;
    uint32_t workers[MOST_CHOSEN];
    size_t worker_count;
    const struct name *schedule, *lengths; /* NULL: all */
    double at_least;
    bool tells_costs;
};

enum {
    KEY_WORKERS = 256,
    KEY_TASKS,
    KEY_MEAN,
    KEY_COST,
    KEY_DELAY,
    KEY_SCHEDULE,
    KEY_LENGTHS,
    KEY_SEED,
    KEY_AT_LEAST,
    KEY_COSTS,
    KEY_NO_STEALING
};

static const struct argp_option options[] = {
    {"workers", KEY_WORKERS, "N,...", 0, "Workers (default: 10,100,1000,10000)", 0},
    {"tasks", KEY_TASKS, "N", 0, "Tasks for each worker (default: 100)", 0},
    {"mean", KEY_MEAN, "US", 0, "What a task takes, in the mean (default: 10000)", 0},
    {"cost", KEY_COST, "US", 0, "What a message costs its home (default: 1)", 0},
    {"delay", KEY_DELAY, "US", 0, "What a message takes (default: 5)", 0},
    {"schedule", KEY_SCHEDULE, "NAME", 0, "Only this one", 0},
    {"lengths", KEY_LENGTHS, "NAME", 0, "Only these: even, random, rising, bimodal", 0},
    {"seed", KEY_SEED, "N", 0, "Of the lengths (default: 1)", 0},
    {"no-stealing", KEY_NO_STEALING, NULL, 0, "What a worker has in hand it keeps", 0},
    {"at-least", KEY_AT_LEAST, "E", 0, "Fail when an efficiency is below that", 0},
    {"costs", KEY_COSTS, NULL, 0, "Say what the messages have really cost the home", 0},
    {0},
};

static const struct name *find_name(struct argp_state *state, const struct name *names,
                                    size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i].name, text) == 0)
            return &names[i];
    argp_error(state, "there is no %s", text);
    return NULL;
}

static double number_of(struct argp_state *state, const char *text)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || number < 0)
        argp_error(state, "not a number: %s", text);
    return number;
}

static void parse_workers(struct argp_state *state, struct arguments *arguments, char *text)
{
    char *rest = text;
    arguments->worker_count = 0;
    for (char *one; (one = strsep(&rest, ",")) && arguments->worker_count < MOST_CHOSEN;)
        arguments->workers[arguments->worker_count++] = (uint32_t)number_of(state, one);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct schedules_settings *settings = &arguments->settings;
    switch (key) {
    case KEY_WORKERS:
        parse_workers(state, arguments, text);
        break;
    case KEY_TASKS:
        settings->tasks = (uint64_t)number_of(state, text);
        break;
    case KEY_MEAN:
        settings->mean_ns = (int64_t)(number_of(state, text) * MICROSECOND);
        break;
    case KEY_COST:
        settings->cost_ns = (int64_t)(number_of(state, text) * MICROSECOND);
        break;
    case KEY_DELAY:
        settings->delay_ns = (int64_t)(number_of(state, text) * MICROSECOND);
        break;
    case KEY_SCHEDULE:
        arguments->schedule = find_name(state, schedule_names, COUNT_OF(schedule_names), text);
        break;
    case KEY_LENGTHS:
        arguments->lengths = find_name(state, lengths_names, COUNT_OF(lengths_names), text);
        break;
    case KEY_SEED:
        settings->seed = (uint64_t)number_of(state, text);
        break;
    case KEY_AT_LEAST:
        arguments->at_least = number_of(state, text);
        break;
    case KEY_NO_STEALING:
        settings->no_stealing = true;
        break;
    case KEY_COSTS:
        arguments->tells_costs = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* One line of the table; false when one of it is too low. */
static bool run_line(const struct arguments *arguments, const struct name *lengths,
                     const struct name *schedule)
{
    bool good = true;
    printf("%-8s  %-10s", lengths->name, schedule->name);
    for (size_t i = 0; i < arguments->worker_count; i++) {
        struct schedules_settings settings = arguments->settings;
        struct schedules_outcome outcome;
        settings.workers = arguments->workers[i];
        settings.schedule = schedule->number;
        settings.lengths = (enum lengths)lengths->number;
        schedules_run(&settings, &outcome);
        good &= outcome.efficiency >= arguments->at_least;
        printf("  %8.3f", outcome.efficiency);
        if (arguments->tells_costs)
            printf(" (start %.0f ms; %llu messages, %.2f us each)", outcome.real_start_ms,
                   (unsigned long long)outcome.messages, outcome.real_us);
        fflush(stdout);
    }
    putchar('\n');
    return good;
}

static void greedy_line(const struct arguments *arguments, const struct name *lengths)
{
    printf("%-8s  %-10s", lengths->name, "(greedy)");
    for (size_t i = 0; i < arguments->worker_count; i++) {
        struct schedules_settings settings = arguments->settings;
        settings.workers = arguments->workers[i];
        settings.lengths = (enum lengths)lengths->number;
        printf("  %8.3f", schedules_greedy(&settings));
    }
    putchar('\n');
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse,
        NULL,    "Efficiency (work / workers / time) of maps in virtual time, by schedule.",
        NULL,    NULL,
        NULL};
    struct arguments arguments = {.settings = {.tasks = 100,
                                               .mean_ns = 10000 * MICROSECOND,
                                               .cost_ns = MICROSECOND,
                                               .delay_ns = 5 * MICROSECOND,
                                               .seed = 1},
                                  .workers = {10, 100, 1000, 10000},
                                  .worker_count = 4};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    bool good = true;
    printf("%-8s  %-10s", "lengths", "schedule");
    for (size_t i = 0; i < arguments.worker_count; i++)
        printf("  %8u", arguments.workers[i]);
    putchar('\n');
    for (size_t i = 0; i < COUNT_OF(lengths_names); i++) {
        if (arguments.lengths && arguments.lengths != &lengths_names[i])
            continue;
        for (size_t k = 0; k < COUNT_OF(schedule_names); k++)
            if (!arguments.schedule || arguments.schedule == &schedule_names[k])
                good &= run_line(&arguments, &lengths_names[i], &schedule_names[k]);
        greedy_line(&arguments, &lengths_names[i]);
    }
    if (!good)
        fprintf(stderr, "schedules: an efficiency is below %g\n", arguments.at_least);
    return !good;
}
