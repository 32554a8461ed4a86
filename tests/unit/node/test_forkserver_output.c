/* SPDX-License-Identifier: BSD-3-Clause */
/* What children print, and where it comes out: a pipe or a terminal that is the server's standard
 * output. What a child does follows from its slot. */
#include "base/clock.h"
#include "node/forkserver.h"
#include "processes.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define FLOOD_LINES 20000
#define LONG_LINE 200000

enum {
    SLOT_HELLO = 1,
    SLOT_KILLED,
    SLOT_FLOOD,
    SLOT_QUIET,
    SLOT_LONG_LINE,
    SLOT_STRAY,
    SLOT_CLOSES,
    SLOT_WRITER /* and all from here on */
};

#define WRITERS 6
#define WRITER_LINES 400

static struct crewi_forkserver server;
static struct crewi_bell *bell;
static int bell_fd, job_fd, other_side;
static _Atomic int *may_go_on;

/* Of one letter, as long as the number says. */
static void make_line(char *line, unsigned writer, unsigned number)
{
    size_t length = 1 + (number * 37 + writer * 11) % 3000;
    memset(line, 'a' + (int)writer, length);
    memcpy(line + length, "\n", 2);
}

static void write_lines(unsigned writer)
{
    char line[4096];
    for (unsigned number = 0; number < WRITER_LINES; number++) {
        make_line(line, writer, number);
        printf("%s", line);
    }
}

static void leave_a_stray(void)
{
    if (fork() > 0)
        return;
    while (!atomic_load(may_go_on))
        usleep(1000);
    printf("from a stray\nwithout an end");
    _exit(0);
}

static int child_main(const struct crewi_child *child)
{
    switch (child->slot) {
    case SLOT_HELLO:
        printf("hello\n");
        fprintf(stderr, "to nobody\n");
        return 0;
    case SLOT_KILLED:
        printf("a line\nand a part");
        raise(SIGKILL);
        return 0;
    case SLOT_FLOOD:
        for (int i = 0; i < FLOOD_LINES; i++)
            printf("%d %s\n", i, "of a flood");
        return 0;
    case SLOT_QUIET:
        return 0;
    case SLOT_LONG_LINE:
        for (int i = 0; i < LONG_LINE; i++)
            fputs("xyz", stdout);
        return 0;
    case SLOT_STRAY:
        leave_a_stray();
        return 0;
    case SLOT_CLOSES:
        printf("the last");
        close(STDOUT_FILENO);
        return 0;
    default:
        write_lines(child->slot - SLOT_WRITER);
        return 0;
    }
}

/* With that as the standard output of the server. */
static int start_server(int fd)
{
    fflush(stdout);
    int own = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    close(fd);
    struct crewi_forkserver_setup setup = {
        .bell = bell, .job_fd = job_fd, .child_main = child_main};
    crew_status status = crewi_forkserver_start(&server, &setup);
    dup2(own, STDOUT_FILENO);
    close(own);
    return status;
}

static int begin_common(void)
{
    may_go_on = shared_memory(sizeof *may_go_on);
    job_fd = memfd_create("job", MFD_CLOEXEC);
    return crewi_bell_create(&bell, &bell_fd);
}

static int begin_pipe(void **state)
{
    int ends[2];
    char path[64];
    (void)state;
    if (begin_common() || pipe2(ends, O_CLOEXEC))
        return -1;
    close(ends[0]); /* the server may not have it: it is to see that it is closed */
    int kept = dup(ends[1]);
    if (start_server(ends[1]))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", kept);
    other_side = open(path, O_RDONLY | O_CLOEXEC);
    close(kept);
    return other_side < 0;
}

static int begin_terminal(void **state)
{
    struct termios raw;
    (void)state;
    other_side = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (begin_common() || other_side < 0 || grantpt(other_side) || unlockpt(other_side))
        return -1;
    int fd = open(ptsname(other_side), O_RDWR | O_NOCTTY | O_CLOEXEC);
    tcgetattr(fd, &raw);
    cfmakeraw(&raw);
    tcsetattr(fd, TCSANOW, &raw);
    return start_server(fd);
}

static int begin_file(void **state)
{
    (void)state;
    other_side = memfd_create("output", MFD_CLOEXEC);
    return begin_common() || start_server(dup(other_side));
}

/* A disk that is full. */
static int begin_full(void **state)
{
    (void)state;
    other_side = -1;
    return begin_common() || start_server(open("/dev/full", O_WRONLY | O_CLOEXEC));
}

static int end(void **state)
{
    (void)state;
    if (other_side >= 0)
        close(other_side); /* or the server would wait until it is read */
    crewi_forkserver_stop(&server);
    crewi_bell_detach(bell);
    close(bell_fd);
    close(job_fd);
    munmap((void *)(uintptr_t)may_go_on, sizeof *may_go_on);
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : -1;
}

static bool try_event(struct crewi_child_event *event, int64_t wait_ns)
{
    int64_t end_ns = crewi_now_ns() + wait_ns;
    for (;;) {
        crewi_bell_answer(bell);
        if (crewi_forkserver_poll(&server, event))
            return true;
        if (crewi_now_ns() >= end_ns)
            return false;
        crewi_bell_sleep(bell, CREWI_BELL_SERVICE, end_ns);
    }
}

static pid_t spawn(uint32_t slot)
{
    static const struct crewi_cpus anywhere;
    struct crewi_child_event event;
    int fd;
    assert_int_equal(crewi_port_create(&fd), CREW_OK);
    assert_int_equal(crewi_forkserver_spawn(&server, slot, fd, "Process-7", &anywhere, NULL),
                     CREW_OK);
    close(fd);
    assert_true(try_event(&event, LOST_NS));
    assert_int_equal(event.what, CREWI_CHILD_STARTED);
    return event.pid;
}

static int expect_end(uint32_t slot)
{
    struct crewi_child_event event;
    assert_true(try_event(&event, LOST_NS));
    assert_int_equal(event.what, CREWI_CHILD_ENDED);
    assert_int_equal(event.slot, slot);
    return event.value;
}

/* What is there now. */
static void expect_text(const char *expected)
{
    char found[256];
    struct pollfd news = {.fd = other_side, .events = POLLIN};
    ssize_t size = poll(&news, 1, 0) > 0 ? read(other_side, found, sizeof found - 1) : 0;
    assert_true(size >= 0);
    found[size] = '\0';
    assert_string_equal(found, expected);
}

static FILE *reader(void)
{
    FILE *file = fdopen(dup(other_side), "r");
    assert_non_null(file);
    return file;
}

static void it_is_there_before_the_end_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        spawn(SLOT_HELLO);
        expect_end(SLOT_HELLO);
        expect_text("hello\n");
    }
}

static void it_survives_a_kill(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        spawn(SLOT_KILLED);
        assert_int_equal(WTERMSIG(expect_end(SLOT_KILLED)), SIGKILL);
        expect_text("a line\nand a part\n");
    }
}

static void expect_flood(FILE *file)
{
    char line[256], expected[256];
    for (int i = 0; i < FLOOD_LINES; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        snprintf(expected, sizeof expected, "%d of a flood\n", i);
        assert_string_equal(line, expected);
    }
}

/* Nobody reads: the one that prints waits, all others go on. */
static void a_side_that_takes_no_more(void **state)
{
    struct crewi_child_event event;
    (void)state;
    pid_t flood = spawn(SLOT_FLOOD);
    for (int i = 0; i < 30; i++) {
        spawn(SLOT_QUIET);
        assert_true(WIFEXITED(expect_end(SLOT_QUIET)));
    }
    assert_false(try_event(&event, 100 * CREWI_MILLISECOND));
    assert_false(is_gone(flood));
    FILE *file = reader();
    expect_flood(file);
    expect_end(SLOT_FLOOD);
    fclose(file);
}

/* What it had printed is kept for whoever reads, and so is the news of its end. */
static void one_that_is_killed_while_it_waits(void **state)
{
    struct crewi_child_event event;
    char line[256];
    int count = 0, number;
    (void)state;
    pid_t flood = spawn(SLOT_FLOOD);
    assert_false(try_event(&event, 100 * CREWI_MILLISECOND));
    crewi_forkserver_signal(&server, SLOT_FLOOD, flood, SIGKILL);
    assert_true(becomes_gone(flood));
    assert_false(try_event(&event, 50 * CREWI_MILLISECOND));
    crewi_forkserver_signal(&server, SLOT_FLOOD, flood, SIGKILL); /* whoever that is now */
    FILE *file = reader();
    fcntl(other_side, F_SETFL, O_NONBLOCK);
    for (int64_t end_ns = crewi_now_ns() + LOST_NS; crewi_now_ns() < end_ns;) {
        if (fgets(line, sizeof line, file) && line[strlen(line) - 1] == '\n') {
            if (sscanf(line, "%d of a flood", &number) == 1)
                assert_int_equal(number, count);
            count++;
        } else if (try_event(&event, 0)) {
            break;
        }
        clearerr(file);
    }
    assert_int_equal(event.what, CREWI_CHILD_ENDED);
    assert_in_range(count, 4096, FLOOD_LINES);
    fclose(file);
}

static void a_side_that_is_closed(void **state)
{
    (void)state;
    spawn(SLOT_FLOOD);
    close(other_side);
    other_side = -1;
    int status = expect_end(SLOT_FLOOD);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGPIPE);
    spawn(SLOT_QUIET);
    assert_true(WIFEXITED(expect_end(SLOT_QUIET)));
}

/* Those who print go on, and the server's end tells of it. */
static void a_side_that_is_full(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        spawn(SLOT_FLOOD);
        int status = expect_end(SLOT_FLOOD);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    crewi_forkserver_stop(&server);
    assert_true(server.output_lost);
}

static void a_side_that_is_not_full(void **state)
{
    (void)state;
    spawn(SLOT_HELLO);
    expect_end(SLOT_HELLO);
    crewi_forkserver_stop(&server);
    assert_false(server.output_lost);
}

static void a_long_line(void **state)
{
    (void)state;
    spawn(SLOT_LONG_LINE);
    FILE *file = reader();
    for (int i = 0; i < 3 * LONG_LINE; i++)
        assert_int_equal(fgetc(file), "xyz"[i % 3]);
    assert_int_equal(fgetc(file), '\n');
    expect_end(SLOT_LONG_LINE);
    fclose(file);
    expect_text("");
}

static void a_stray_writes_on(void **state)
{
    char line[64];
    (void)state;
    spawn(SLOT_STRAY);
    assert_true(WIFEXITED(expect_end(SLOT_STRAY)));
    expect_text("");
    spawn(SLOT_HELLO);
    expect_end(SLOT_HELLO);
    expect_text("hello\n");
    atomic_store(may_go_on, 1);
    FILE *file = reader();
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "from a stray\n");
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "without an end\n");
    fclose(file);
}

static void one_that_closes_it(void **state)
{
    (void)state;
    spawn(SLOT_CLOSES);
    assert_true(WIFEXITED(expect_end(SLOT_CLOSES)));
    expect_text("the last\n");
    spawn(SLOT_CLOSES);
    assert_true(WIFEXITED(expect_end(SLOT_CLOSES)));
    expect_text("the last\n");
}

/* All at once, each line as it was printed, and those of one in their order. */
static void check_lines(FILE *file)
{
    static char line[4096], expected[4096];
    unsigned next[WRITERS] = {0};
    for (int i = 0; i < WRITERS * WRITER_LINES; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        unsigned writer = (unsigned)(line[0] - 'a');
        assert_in_range(writer, 0, WRITERS - 1);
        make_line(expected, writer, next[writer]++);
        assert_string_equal(line, expected);
    }
}

static void start_writers(void)
{
    static const struct crewi_cpus anywhere;
    int fd;
    assert_int_equal(crewi_port_create(&fd), CREW_OK);
    for (uint32_t i = 0; i < WRITERS; i++)
        crewi_forkserver_spawn(&server, SLOT_WRITER + i, fd, "writer", &anywhere, NULL);
    close(fd);
}

static void await_writers(void)
{
    struct crewi_child_event event;
    for (int i = 0; i < 2 * WRITERS; i++)
        assert_true(try_event(&event, LOST_NS));
}

static void lines_do_not_mix(void **state)
{
    (void)state;
    FILE *file = reader();
    start_writers();
    check_lines(file);
    await_writers();
    fclose(file);
}

static void lines_in_a_file(void **state)
{
    (void)state;
    start_writers();
    await_writers();
    lseek(other_side, 0, SEEK_SET);
    FILE *file = reader();
    check_lines(file);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
}

/* What is there when the server is told to end comes out, and no child is waited for. */
static void a_stop(void **state)
{
    char line[256];
    (void)state;
    spawn(SLOT_STRAY);
    expect_end(SLOT_STRAY);
    spawn(SLOT_HELLO);
    expect_end(SLOT_HELLO);
    crewi_forkserver_stop(&server);
    FILE *file = reader();
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "hello\n");
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
}

#define PIPE(name) cmocka_unit_test_setup_teardown(name, begin_pipe, end)
#define TERMINAL(name)                                           \
    {                                                            \
        "on a terminal: " #name, name, begin_terminal, end, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE(it_is_there_before_the_end_is_told),
        PIPE(it_survives_a_kill),
        PIPE(a_side_that_takes_no_more),
        PIPE(one_that_is_killed_while_it_waits),
        PIPE(a_side_that_is_closed),
        PIPE(a_side_that_is_not_full),
        cmocka_unit_test_setup_teardown(a_side_that_is_full, begin_full, end),
        PIPE(a_long_line),
        PIPE(a_stray_writes_on),
        PIPE(one_that_closes_it),
        PIPE(lines_do_not_mix),
        PIPE(a_stop),
        TERMINAL(a_side_that_takes_no_more),
        TERMINAL(lines_do_not_mix),
        cmocka_unit_test_setup_teardown(lines_in_a_file, begin_file, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
