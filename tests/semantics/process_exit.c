// SPDX-License-Identifier: BSD-3-Clause
// The orderly end of a process: its threads, its own atexit callbacks, what is in its buffers; and
// what it has instead of the program's standard input.
#include "process_cases.h"

#include "check.h"
#include "mark.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// Where callbacks and threads leave their lines; none in the main process.
static struct mark steps;

static void inherited_callback(void)
{
    if (steps.path[0] != '\0')
        mark_set(&steps, "the program's");
}

void register_inherited(void)
{
    CHECK_INT(atexit(inherited_callback), 0);
}

static void first_callback(void)
{
    mark_set(&steps, "first");
}

static void second_callback(void)
{
    mark_set(&steps, "second");
}

struct ending {
    struct mark steps;
    int way;
};

enum { BY_RETURN, BY_EXIT, BY_EXIT_OF_A_FORK };

static int end_with_callbacks(void *arg)
{
    const struct ending *ending = arg;
    steps = ending->steps;
    atexit(first_callback);
    atexit(second_callback);
    if (ending->way == BY_EXIT)
        exit(7);
    if (ending->way == BY_EXIT_OF_A_FORK) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
            exit(7);
        if (waitpid(pid, &status, 0) != pid)
            status = 0;
        _exit(WEXITSTATUS(status));
    }
    return 7;
}

// Reads what was left, and forgets it.
static void expect_steps(const struct mark *mark, const char *expected)
{
    char text[256];
    mark_read(mark, text, sizeof text);
    CHECK_TEXT(text, expected);
    mark_remove(mark);
}

void prc_32(const struct variant *variant)
{
    for (int way = BY_RETURN; way <= BY_EXIT_OF_A_FORK; way++) {
        struct ending ending = {mark_new(), way};
        CHECK_INT(finish(launch(variant, end_with_callbacks, &ending, sizeof ending)), 7);
        expect_steps(&ending.steps, "second\nfirst\n");
    }
}

static void *take_a_step(void *arg)
{
    check_sleep(0.1);
    mark_set(&steps, arg);
    return NULL;
}

static void *step_and_leave(void *arg)
{
    static char one_more[] = "from a thread";
    pthread_t thread;
    mark_set(&steps, arg);
    CHECK_OK(crew_thread_create(&thread, NULL, take_a_step, one_more));
    CHECK_INT(pthread_detach(thread), 0);
    pthread_exit(NULL);
}

static int leave_threads(void *arg)
{
    static char detached[] = "detached", joined[] = "joined";
    const struct ending *ending = arg;
    pthread_t thread;
    steps = ending->steps;
    atexit(first_callback);
    CHECK_OK(crew_thread_create(&thread, NULL, step_and_leave, joined));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_OK(crew_thread_create(&thread, NULL, take_a_step, detached));
    CHECK_INT(pthread_detach(thread), 0);
    if (check_result())
        return 1;
    if (ending->way == BY_EXIT)
        exit(5);
    return 5;
}

// The two that are left at the end take equally long.
void prc_32_threads(const struct variant *variant)
{
    for (int way = BY_RETURN; way <= BY_EXIT; way++) {
        struct ending ending = {mark_new(), way};
        char text[256];
        CHECK_INT(finish(launch(variant, leave_threads, &ending, sizeof ending)), 5);
        mark_read(&ending.steps, text, sizeof text);
        CHECK_CONTAINS(text, "joined\n");
        CHECK_CONTAINS(text, "detached\n");
        CHECK_CONTAINS(text, "from a thread\n");
        // Python's order; exit() runs callbacks before anybody can wait.
        const char *callback = strstr(text, "first\n");
        if (CHECK(callback != NULL) && way == BY_RETURN)
            CHECK_TEXT(callback, "first\n");
        mark_remove(&ending.steps);
    }
}

static void *end_the_process(void *arg)
{
    (void)arg;
    exit(6);
}

static int end_in_thread(void *arg)
{
    pthread_t thread;
    (void)arg;
    CHECK_OK(crew_thread_create(&thread, NULL, end_the_process, NULL));
    pthread_join(thread, NULL);
    return 0;
}

static void *ask_who(void *arg)
{
    *(crew_process *)arg = crew_current_process();
    return NULL;
}

static int check_threads(void *arg)
{
    const bool *inside = arg;
    pthread_t thread;
    pthread_attr_t attribute;
    crew_process found = {0};
    if (*inside) {
        CHECK_STATUS(crew_thread_create(&thread, NULL, ask_who, &found), CREW_ENOTSUP);
        return check_result();
    }
    CHECK_STATUS(crew_thread_create(NULL, NULL, ask_who, &found), CREW_EINVAL);
    CHECK_STATUS(crew_thread_create(&thread, NULL, NULL, &found), CREW_EINVAL);
    CHECK_INT(pthread_attr_init(&attribute), 0);
    CHECK_OK(crew_thread_create(&thread, &attribute, ask_who, &found));
    CHECK_INT(pthread_attr_destroy(&attribute), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(found.id == crew_current_process().id);
    return check_result();
}

void calls_thread(const struct variant *variant)
{
    bool inside = variant_is_inside(variant);
    CHECK_INT(finish(launch(variant, check_threads, &inside, sizeof inside)), 0);
    if (!inside)
        CHECK_INT(finish(launch(variant, end_in_thread, NULL, 0)), 6);
}

static int check_input(void *arg)
{
    char byte;
    struct stat input, null;
    (void)arg;
    CHECK_INT(fstat(STDIN_FILENO, &input), 0);
    CHECK_INT(stat("/dev/null", &null), 0);
    CHECK(input.st_rdev == null.st_rdev);
    CHECK_INT(read(STDIN_FILENO, &byte, 1), 0);
    CHECK_INT(getchar(), EOF);
    return check_result();
}

static int leave_in_buffer(void *arg)
{
    const struct ending *ending = arg;
    FILE *file = fopen(ending->steps.path, "w");
    if (file == NULL)
        return 1;
    fputs("buffered\n", file);
    if (ending->way == BY_EXIT)
        exit(7);
    return 7; // the file is still open
}

void prc_34(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, check_input, NULL, 0)), 0);
    for (int way = BY_RETURN; way <= BY_EXIT; way++) {
        struct ending ending = {mark_new(), way};
        CHECK_INT(finish(launch(variant, leave_in_buffer, &ending, sizeof ending)), 7);
        expect_steps(&ending.steps, "buffered\n");
    }
}
