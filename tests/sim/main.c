/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs simulated jobs from seeds, and says of the first one that goes wrong how to see it again. */
#include "base/log.h"
#include "sim_scenarios.h"

#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** So many seeds apart are those that are run twice, to see that they replay. */
#define REPLAY_EVERY 16

static const struct sim_scenario *const scenarios[] = {
    &sim_handles_scenario,    &sim_copies_scenario, &sim_queues_scenario, &sim_pipes_scenario,
    &sim_containers_scenario, &sim_sync_scenario,   &sim_pool_scenario,
};

struct arguments {
    struct sim_settings settings;
    const char *plant;
    uint64_t first, end; /* seeds */
};

/* Where it is, for whoever reads of a crash. */
static struct sim_settings running;

static void print_replay(FILE *out, const struct sim_settings *settings)
{
    fprintf(out, "replay: sim --scenario %s --seed %" PRIu64, settings->scenario->name,
            settings->seed);
    if (settings->ranks)
        fprintf(out, " --ranks %u", settings->ranks);
    if (settings->clients)
        fprintf(out, " --clients %u", settings->clients);
    if (settings->steps)
        fprintf(out, " --steps %u", settings->steps);
    if (settings->plant)
        fprintf(out, " --plant %s", settings->plant->name);
    fputs(" --trace\n", out);
}

static void say_where(void)
{
    fflush(stdout);
    fprintf(stderr, "sim: crashed\n");
    print_replay(stderr, &running);
}

static void crashed(int signal_number)
{
    say_where();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_for_crashes(void)
{
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    signal(SIGFPE, crashed);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_where);
}

/* What the library would print is a thing that must not be: the linker has it said here. */
void __wrap_crewi_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __wrap_crewi_log(int level, const char *format, ...)
{
    char text[256];
    va_list args;
    const struct sim_job *job = sim_job_current();
    if (!job || level > (job->broken ? CREWI_LOG_ERROR : CREWI_LOG_WARNING))
        return; /* of those who do not end where a rank is gone it is only warned */
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_violation(sim_job_current(), "logged: %s", text);
}

/* Arguments */

enum { KEY_SEEDS = 256, KEY_RANKS, KEY_CLIENTS, KEY_STEPS, KEY_PLANT, KEY_TRACE, KEY_LIST };

static const struct argp_option options[] = {
    {"scenario", 's', "NAME", 0, "What is simulated (default: handles)", 0},
    {"seed", 'n', "N", 0, "One seed", 0},
    {"seeds", KEY_SEEDS, "A:B", 0, "Seeds from A to B - 1 (default: 0:20)", 0},
    {"ranks", KEY_RANKS, "N", 0, "Exactly so many; without it the seed decides", 0},
    {"clients", KEY_CLIENTS, "N", 0, "Exactly so many at the beginning", 0},
    {"steps", KEY_STEPS, "N", 0, "Exactly so many in a client's program", 0},
    {"plant", KEY_PLANT, "NAME", 0,
     "Do one thing wrong in each job; success is that a seed finds it", 0},
    {"trace", KEY_TRACE, NULL, 0, "Print everything that happens", 0},
    {"list", KEY_LIST, NULL, 0, "List scenarios, and what can be planted in each", 0},
    {0},
};

static void list_scenarios(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        printf("%-12s %s; plants:", scenarios[i]->name, scenarios[i]->about);
        for (const struct sim_plant *plant = scenarios[i]->plants; plant && plant->name; plant++)
            printf(" %s", plant->name);
        putchar('\n');
    }
}

static uint64_t number_of(struct argp_state *state, const char *text, char **end)
{
    char *rest;
    uint64_t number = strtoull(text, &rest, 0);
    if (rest == text || (!end && *rest))
        argp_error(state, "not a number: %s", text);
    if (end)
        *end = rest;
    return number;
}

static void parse_seeds(struct argp_state *state, struct arguments *arguments, const char *text)
{
    char *rest;
    arguments->first = number_of(state, text, &rest);
    if (*rest != ':')
        argp_error(state, "seeds are A:B, not %s", text);
    arguments->end = number_of(state, rest + 1, NULL);
    if (arguments->end <= arguments->first)
        argp_error(state, "no seed in %s", text);
}

static void parse_scenario(struct argp_state *state, struct arguments *arguments, const char *text)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(scenarios[i]->name, text) == 0) {
            arguments->settings.scenario = scenarios[i];
            return;
        }
    }
    argp_error(state, "there is no scenario %s (--list)", text);
}

static void parse_plant(struct argp_state *state, struct arguments *arguments)
{
    const struct sim_plant *plant = arguments->settings.scenario->plants;
    while (plant && plant->name && strcmp(plant->name, arguments->plant) != 0)
        plant++;
    if (!plant || !plant->name)
        argp_error(state, "nothing called %s can be planted there (--list)", arguments->plant);
    arguments->settings.plant = plant;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 's':
        parse_scenario(state, arguments, text);
        break;
    case 'n':
        arguments->first = number_of(state, text, NULL);
        arguments->end = arguments->first + 1;
        break;
    case KEY_SEEDS:
        parse_seeds(state, arguments, text);
        break;
    case KEY_RANKS:
        arguments->settings.ranks = (uint32_t)number_of(state, text, NULL);
        break;
    case KEY_CLIENTS:
        arguments->settings.clients = (uint32_t)number_of(state, text, NULL);
        break;
    case KEY_STEPS:
        arguments->settings.steps = (uint32_t)number_of(state, text, NULL);
        break;
    case KEY_PLANT:
        arguments->plant = text;
        break;
    case KEY_TRACE:
        arguments->settings.trace = true;
        break;
    case KEY_LIST:
        list_scenarios();
        exit(0);
    case ARGP_KEY_END:
        if (arguments->plant)
            parse_plant(state, arguments);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Runs */

struct totals {
    uint64_t jobs, events, frames;
};

/* True when all was well; a job that replays differently is not. */
static bool run_seed(const struct sim_settings *settings, bool twice, struct totals *totals)
{
    struct sim_job job, again;
    running = *settings;
    bool good = sim_job_run(&job, settings);
    sim_job_fini(&job);
    totals->jobs++;
    totals->events += job.happened;
    totals->frames += job.network.carried;
    if (good && twice) {
        good = sim_job_run(&again, settings) && again.hash == job.hash;
        sim_job_fini(&again);
        if (!good)
            sim_violation(&job, "the second run of the seed was another one");
    }
    if (!good && !settings->plant) {
        fprintf(stderr, "sim: %s, seed %" PRIu64 ": %s\n", settings->scenario->name, settings->seed,
                job.violation);
        print_replay(stderr, settings);
    }
    if (!good && settings->plant) {
        printf("%s was found with seed %" PRIu64 ": %s\n", settings->plant->name, settings->seed,
               job.violation);
        print_replay(stdout, settings);
    }
    return good;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse, NULL, "Runs simulated jobs, each decided by its seed.", NULL, NULL, NULL};
    struct arguments arguments = {.settings = {.scenario = scenarios[0]}, .first = 0, .end = 20};
    struct totals totals = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    watch_for_crashes();
    bool good = true;
    for (uint64_t seed = arguments.first; seed < arguments.end && good; seed++) {
        struct sim_settings settings = arguments.settings;
        settings.seed = seed;
        good = run_seed(&settings, !settings.plant && !settings.trace && seed % REPLAY_EVERY == 0,
                        &totals);
    }
    printf("%s: %" PRIu64 " jobs, %" PRIu64 " events, %" PRIu64 " messages between ranks\n",
           arguments.settings.scenario->name, totals.jobs, totals.events, totals.frames);
    if (arguments.settings.plant && good)
        fprintf(stderr, "sim: %s was planted and never found\n", arguments.plant);
    return arguments.settings.plant ? good : !good;
}
