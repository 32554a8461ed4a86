// SPDX-License-Identifier: BSD-3-Clause
// Messages: their order, their boundaries, and how many bytes they may have.
#include "pipe_cases.h"

#include "check.h"

#include <stdint.h>
#include <string.h>

#define MANY 3000

static int answer_letters(void *arg)
{
    const struct ends *ends = arg;
    expect_text(ends->in, "a");
    expect_text(ends->in, "b");
    expect_text(ends->in, "cd");
    send_text(ends->out, "a");
    send_text(ends->out, "b");
    send_text(ends->out, "cd");
    expect_eof(ends->in);
    return check_result();
}

// Launches a process with one end of each of two pipes; *mine are the other two.
static crew_process connect(const struct variant *variant, crew_process_function *function,
                            struct ends *mine)
{
    struct ends there = make_pipe(), back = make_pipe(), theirs = {there.in, back.out};
    crew_process process = launch(variant, function, &theirs, sizeof theirs);
    drop_both(theirs);
    *mine = (struct ends){back.in, there.out};
    return process;
}

void con_01(const struct variant *variant)
{
    struct ends mine;
    crew_process process = connect(variant, answer_letters, &mine);
    send_text(mine.out, "a");
    send_text(mine.out, "b");
    send_text(mine.out, "cd");
    expect_text(mine.in, "a");
    expect_text(mine.in, "b");
    expect_text(mine.in, "cd");
    drop(mine.out);
    CHECK_INT(finish(process), 0);
    expect_eof(mine.in);
    drop(mine.in);
}

// From nothing to some hundreds of bytes, and now and then some thousands.
static size_t size_of(unsigned number)
{
    return number % 97 == 0 ? 5000 + number : number * 37 % 300;
}

static void send_many(crew_connection out)
{
    char data[10000];
    for (unsigned i = 0; i < MANY; i++) {
        fill(data, size_of(i), i);
        if (!CHECK_OK(crew_send(out, data, size_of(i), CREW_FOREVER)))
            return;
    }
}

static void receive_many(crew_connection in)
{
    char data[10000];
    for (unsigned i = 0; i < MANY; i++) {
        size_t size = 99999;
        if (!CHECK_OK(crew_recv(in, data, sizeof data, &size, CREW_FOREVER)))
            return;
        if (!CHECK_INT(size, size_of(i)) || !CHECK(is_filled(data, size, i)))
            return;
    }
    expect_eof(in);
}

static int answer_many(void *arg)
{
    const struct ends *ends = arg;
    receive_many(ends->in);
    send_many(ends->out);
    return check_result();
}

void con_01_many(const struct variant *variant)
{
    struct ends mine;
    crew_process process = connect(variant, answer_many, &mine);
    send_many(mine.out);
    drop(mine.out);
    receive_many(mine.in);
    CHECK_INT(finish(process), 0);
    drop(mine.in);
}

static int send_nothing(void *arg)
{
    const struct ends *ends = arg;
    CHECK_OK(crew_send(ends->out, NULL, 0, CREW_FOREVER));
    CHECK_OK(crew_send(ends->out, "", 0, CREW_FOREVER));
    send_text(ends->out, "x");
    CHECK_OK(crew_send(ends->out, NULL, 0, CREW_FOREVER));
    return check_result();
}

void con_02(const struct variant *variant)
{
    struct ends mine;
    char byte = 'y';
    size_t size = 99;
    crew_process process = connect(variant, send_nothing, &mine);
    await(mine.in);
    await(mine.in); // looking takes nothing
    CHECK_OK(crew_recv(mine.in, &byte, 1, &size, CREW_FOREVER));
    CHECK_INT(size, 0);
    CHECK(byte == 'y');
    size = 99;
    CHECK_OK(crew_recv(mine.in, NULL, 0, &size, CREW_FOREVER)); // there is room enough
    CHECK_INT(size, 0);
    expect_text(mine.in, "x");
    CHECK_OK(crew_recv(mine.in, NULL, 0, NULL, CREW_FOREVER));
    CHECK_INT(finish(process), 0);
    expect_eof(mine.in);
    drop_both(mine);
}

static int send_when_asked(void *arg)
{
    const struct ends *ends = arg;
    expect_text(ends->in, "go");
    check_sleep(0.02);
    send_text(ends->out, "x");
    expect_eof(ends->in);
    return check_result();
}

void con_07(const struct variant *variant)
{
    static const double at_once[] = {0, -0.0, -1, -1e300, 1e-12};
    struct ends mine;
    crew_process process = connect(variant, send_when_asked, &mine);
    double begin = check_now();
    for (size_t i = 0; i < COUNT(at_once); i++) {
        CHECK_STATUS(crew_poll(mine.in, at_once[i]), CREW_ETIMEDOUT);
        CHECK_STATUS(crew_recv(mine.in, NULL, 0, NULL, at_once[i]), CREW_ETIMEDOUT);
    }
    CHECK_SECONDS(begin, 0, 2);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK_STATUS(crew_poll(mine.in, 0.05), CREW_ETIMEDOUT);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK_STATUS(crew_recv(mine.in, NULL, 0, NULL, 0.05), CREW_ETIMEDOUT);
    send_text(mine.out, "go");
    begin = check_now();
    CHECK_OK(crew_poll(mine.in, 2 * LIMIT_S));
    CHECK_SECONDS(begin, 0, LIMIT_S);
    CHECK_OK(crew_poll(mine.in, CREW_FOREVER));
    CHECK_OK(crew_poll(mine.in, -1));
    expect_text(mine.in, "x");
    drop(mine.out);
    CHECK_INT(finish(process), 0);
    drop(mine.in);
}

static int send_too_much(void *arg)
{
    const struct ends *ends = arg;
    send_text(ends->out, "0123456789");
    send_text(ends->out, "next");
    send_filled(ends->out, EAGER, 1);
    send_filled(ends->out, EAGER + 1, 2); // was received, so this comes back
    send_filled(ends->out, (size_t)3 << 20, 3);
    send_text(ends->out, "last");
    return check_result();
}

void con_08(const struct variant *variant)
{
    struct ends mine;
    char room[4];
    size_t size = 0;
    crew_process process = connect(variant, send_too_much, &mine);
    CHECK_STATUS(crew_recv(mine.in, room, sizeof room, &size, CREW_FOREVER), CREW_ETOOSMALL);
    CHECK_INT(size, 10);
    expect_text(mine.in, "next");
    CHECK_STATUS(crew_recv(mine.in, NULL, 0, &size, CREW_FOREVER), CREW_ETOOSMALL);
    CHECK_INT(size, EAGER);
    CHECK_STATUS(crew_recv(mine.in, room, sizeof room, &size, CREW_FOREVER), CREW_ETOOSMALL);
    CHECK_INT(size, EAGER + 1);
    CHECK_STATUS(crew_recv(mine.in, room, sizeof room, NULL, CREW_FOREVER), CREW_ETOOSMALL);
    expect_text(mine.in, "last");
    expect_eof(mine.in);
    CHECK_INT(finish(process), 0);
    drop_both(mine);
}

static int send_ranges(void *arg)
{
    const struct ends *ends = arg;
    const char *text = "0123456789";
    CHECK_OK(crew_send_range(ends->out, text, 10, 0, 10, CREW_FOREVER));
    CHECK_OK(crew_send_range(ends->out, text, 10, 3, 4, CREW_FOREVER));
    CHECK_OK(crew_send_range(ends->out, text, 10, 9, 1, CREW_FOREVER));
    CHECK_OK(crew_send_range(ends->out, text, 10, 10, 0, CREW_FOREVER));
    CHECK_OK(crew_send_range(ends->out, text, 10, 0, 0, CREW_FOREVER));
    CHECK_OK(crew_send_range(ends->out, NULL, 0, 0, 0, CREW_FOREVER));
    CHECK_STATUS(crew_send_range(ends->out, text, 10, -1, 1, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_send_range(ends->out, text, 10, 1, -1, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_send_range(ends->out, text, 10, 5, 6, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_send_range(ends->out, text, 10, 11, 0, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_send_range(ends->out, text, 10, PTRDIFF_MAX, 1, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_send_range(ends->out, text, 10, 1, PTRDIFF_MAX, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_send_range(ends->out, text, 10, PTRDIFF_MIN, PTRDIFF_MIN, CREW_FOREVER),
                 CREW_EINVAL);
    CHECK_STATUS(crew_send_range(ends->out, NULL, 10, 1, 1, CREW_FOREVER), CREW_EINVAL);
    return check_result();
}

void con_10(const struct variant *variant)
{
    struct ends mine;
    crew_process process = connect(variant, send_ranges, &mine);
    static const char *const expected[] = {"0123456789", "3456", "9", "", "", ""};
    for (size_t i = 0; i < COUNT(expected); i++)
        expect_text(mine.in, expected[i]);
    expect_eof(mine.in); // what was refused sent nothing
    CHECK_INT(finish(process), 0);
    drop_both(mine);
}

// Around every limit that a message may meet on its way, there and back.
void pipe_sizes(const struct variant *variant)
{
    static const size_t sizes[] = {0,     1,      7,      8,       9,     63,    64,
                                   65,    4095,   4096,   65471,   65472, 65473, 65534,
                                   65535, 65536,  65537,  65538,   65599, 65600, 65601,
                                   99999, 131071, 131073, 1000000, 3};
    struct ends mine;
    crew_process process = connect(variant, echo, &mine);
    for (unsigned i = 0; i < COUNT(sizes); i++) {
        send_filled(mine.out, sizes[i], i);
        expect_filled(mine.in, sizes[i], i);
    }
    drop(mine.out);
    CHECK_INT(finish(process), 0);
    expect_eof(mine.in);
    drop(mine.in);
}

static int talk_duplex(void *arg)
{
    crew_connection end = *(crew_connection *)arg;
    for (int i = 0; i < 200; i++)
        send_number(end, i);
    for (int i = 0; i < 200; i++)
        CHECK_INT(take_number(end), 1000 + i);
    expect_eof(end);
    expect_epipe(end);
    return check_result();
}

// Both directions at a time, both ends alike.
void pipe_duplex(const struct variant *variant)
{
    for (int side = 0; side < 2; side++) {
        struct ends ends = make_duplex();
        crew_connection mine = side ? ends.in : ends.out, theirs = side ? ends.out : ends.in;
        crew_process process = launch(variant, talk_duplex, &theirs, sizeof theirs);
        drop(theirs);
        for (int i = 0; i < 200; i++)
            send_number(mine, 1000 + i);
        for (int i = 0; i < 200; i++)
            CHECK_INT(take_number(mine), i);
        drop(mine);
        CHECK_INT(finish(process), 0);
    }
}

// One process at both ends: nothing waits that has room.
void pipe_both_ends(const struct variant *variant)
{
    (void)variant;
    struct ends one_way = make_pipe(), duplex = make_duplex();
    for (int i = 0; i < 50; i++)
        send_number(one_way.out, i);
    for (int i = 0; i < 50; i++)
        CHECK_INT(take_number(one_way.in), i);
    expect_nothing(one_way.in);
    send_text(duplex.in, "there");
    send_text(duplex.out, "back");
    expect_text(duplex.out, "there");
    expect_text(duplex.in, "back");
    expect_nothing(duplex.in);
    expect_nothing(duplex.out);
    drop(duplex.in);
    expect_eof(duplex.out);
    CHECK_STATUS(crew_send(duplex.out, "x", 1, CREW_FOREVER),
                 CREW_EPIPE); // known at once, on one rank
    drop(duplex.out);
    drop(one_way.in);
    CHECK_STATUS(crew_send(one_way.out, "x", 1, CREW_FOREVER), CREW_EPIPE);
    drop(one_way.out);
}
