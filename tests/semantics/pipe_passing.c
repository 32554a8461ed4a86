// SPDX-License-Identifier: BSD-3-Clause
// Ends that are handed on: in arguments, through pipes, and back.
#include "pipe_cases.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#define LEGS 6
#define EACH 300

static int use_received(void *arg)
{
    crew_connection control = *(crew_connection *)arg, end;
    CHECK_OK(crew_recv(control, &end, sizeof end, NULL, LIMIT_S));
    send_text(end, "from where it was handed to");
    drop(control);
    return check_result();
}

void con_14(const struct variant *variant)
{
    struct ends control = make_pipe(), ends = make_pipe();
    crew_process process = launch(variant, use_received, &control.in, sizeof control.in);
    drop(control.in);
    CHECK_OK(crew_send(control.out, &ends.out, sizeof ends.out, CREW_FOREVER));
    drop(ends.out);
    expect_text(ends.in, "from where it was handed to");
    expect_eof(ends.in);
    CHECK_INT(finish(process), 0);
    drop(ends.in);
    drop(control.out);
}

// What is held, and where it is to be sent.
struct holder {
    crew_connection control, held;
};

struct letter {
    char text[20];
    crew_connection ends[3]; // aligned as the compiler does it
    char rest[100000];
};

static int lose_letter(void *arg)
{
    crew_connection control = *(crew_connection *)arg;
    size_t size = 0;
    CHECK_STATUS(crew_recv(control, NULL, 0, &size, CREW_FOREVER), CREW_ETOOSMALL);
    CHECK_INT(size, sizeof(crew_connection));
    CHECK_STATUS(crew_recv(control, NULL, 0, &size, CREW_FOREVER), CREW_ETOOSMALL);
    CHECK_INT(size, sizeof(struct letter));
    CHECK_STATUS(crew_recv(control, NULL, 0, &size, CREW_FOREVER),
                 CREW_EOF); // lives until all was looked at
    return check_result();
}

// Of a message that was too large nobody has the handles.
void con_14_lost(const struct variant *variant)
{
    struct ends control = make_pipe(), pipes[3];
    struct letter *letter = calloc(1, sizeof *letter);
    crew_process process = launch(variant, lose_letter, &control.in, sizeof control.in);
    drop(control.in);
    for (int i = 0; i < 3; i++) {
        pipes[i] = make_pipe();
        letter->ends[i] = pipes[i].out;
    }
    CHECK_OK(crew_send(control.out, &letter->ends[0], sizeof letter->ends[0], CREW_FOREVER));
    CHECK_OK(crew_send(control.out, letter, sizeof *letter, CREW_FOREVER));
    for (int i = 0; i < 3; i++) {
        drop(pipes[i].out);
        expect_eof(pipes[i].in);
        drop(pipes[i].in);
    }
    drop(control.out);
    CHECK_INT(finish(process), 0);
    free(letter);
}

static int send_letter(void *arg)
{
    const struct holder *holder = arg;
    struct letter *letter = calloc(1, sizeof *letter);
    letter->ends[1] = holder->held;
    CHECK_OK(crew_send(holder->control, letter, sizeof *letter, CREW_FOREVER));
    free(letter);
    return check_result();
}

// In a large message: the sender has ended before the end is used.
void con_14_large(const struct variant *variant)
{
    struct ends control = make_pipe(), ends = make_pipe();
    struct holder holder = {control.out, ends.out};
    struct letter *letter = calloc(1, sizeof *letter);
    crew_process process = launch(variant, send_letter, &holder, sizeof holder);
    drop(ends.out);
    CHECK_OK(crew_recv(control.in, letter, sizeof *letter, NULL, LIMIT_S));
    CHECK_INT(finish(process), 0);
    CHECK(letter->ends[1].id == ends.out.id);
    expect_nothing(ends.in);
    send_text(letter->ends[1], "from a large message");
    expect_text(ends.in, "from a large message");
    drop(ends.out);
    expect_eof(ends.in);
    drop(ends.in);
    drop_both(control);
    free(letter);
}

static int use_letter(void *arg)
{
    const struct letter *letter = arg;
    send_text(letter->ends[2], "from a large argument");
    return check_result();
}

void passing_large_argument(const struct variant *variant)
{
    struct ends ends = make_pipe();
    struct letter *letter = calloc(1, sizeof *letter);
    letter->ends[2] = ends.out;
    crew_process process = make(variant, use_letter, letter, sizeof *letter);
    free(letter);
    drop(ends.out);
    expect_nothing(ends.in);
    CHECK_OK(crew_process_start(process));
    expect_text(ends.in, "from a large argument");
    CHECK_INT(finish(process), 0);
    expect_eof(ends.in);
    drop(ends.in);
}

struct order {
    crew_connection out;
    int number;
};

CREW_TASK(send_its_number, struct order, int)
{
    *result = item->number;
    return crew_send(item->out, &item->number, sizeof item->number, CREW_FOREVER);
}

// Nobody sees the handles in the items of a map: they are good while somebody else has the end.
void passing_pool(const struct variant *variant)
{
    struct ends ends = make_pipe();
    struct order orders[20];
    int results[20], sum = 0;
    crew_pool pool = {0};
    (void)variant;
    for (int i = 0; i < 20; i++)
        orders[i] = (struct order){ends.out, i};
    CHECK_OK(crew_pool_create(&pool, NULL));
    CHECK_OK(crew_pool_map(pool, send_its_number, orders, results, 20, NULL));
    for (int i = 0; i < 20; i++)
        sum += take_number(ends.in);
    CHECK_INT(sum, 190);
    drop(ends.out);
    CHECK_OK(crew_pool_destroy(pool)); // the workers had copies until then
    expect_eof(ends.in);
    drop(ends.in);
}

struct chain {
    int left;
    struct ends ends;
};

// Each hands the sending end to the next; the last uses it.
static int extend_chain(void *arg)
{
    struct chain *chain = arg;
    if (chain->left == 0) {
        send_text(chain->ends.out, "from the last");
        return check_result();
    }
    chain->left--;
    crew_process next;
    crew_process_attr attr = {.placement =
                                  CREW_ON_RANK((crew_current_rank() + 1) % crew_rank_count())};
    CHECK_OK(crew_process_create(&next, extend_chain, chain, sizeof *chain, &attr));
    CHECK_OK(crew_process_start(next));
    drop(chain->ends.out);
    CHECK_INT(finish(next), 0);
    return check_result();
}

void passing_chain(const struct variant *variant)
{
    struct chain chain = {2, make_pipe()};
    crew_process process = launch(variant, extend_chain, &chain, sizeof chain);
    drop(chain.ends.out);
    expect_text(chain.ends.in, "from the last");
    CHECK_INT(finish(process), 0);
    expect_eof(chain.ends.in);
    drop(chain.ends.in);
}

static int send_numbers(void *arg)
{
    crew_connection out = *(crew_connection *)arg;
    for (int i = 0; i < LEGS * EACH; i++)
        send_number(out, i);
    return check_result();
}

static int take_numbers(void *arg)
{
    crew_connection in = *(crew_connection *)arg;
    for (int i = 0; i < LEGS * EACH; i++)
        if (!CHECK_INT(take_number(in), i))
            break;
    expect_eof(in);
    return check_result();
}

// For two others, and closed at once.
void passing_maker(const struct variant *variant)
{
    struct variant other = beside(variant);
    struct ends ends = make_pipe();
    crew_process sender = launch(&other, send_numbers, &ends.out, sizeof ends.out),
                 receiver = launch(variant, take_numbers, &ends.in, sizeof ends.in);
    drop_both(ends);
    CHECK_INT(finish(receiver), 0);
    CHECK_INT(finish(sender), 0);
}

struct maker {
    crew_connection sender, receiver;
};

static int make_for_others(void *arg)
{
    const struct maker *maker = arg;
    struct ends ends = make_pipe();
    CHECK_OK(crew_send(maker->sender, &ends.out, sizeof ends.out, CREW_FOREVER));
    CHECK_OK(crew_send(maker->receiver, &ends.in, sizeof ends.in, CREW_FOREVER));
    return check_result();
}

static int send_numbers_into(void *arg)
{
    crew_connection end = {0};
    CHECK_OK(crew_recv(*(crew_connection *)arg, &end, sizeof end, NULL, LIMIT_S));
    return send_numbers(&end);
}

// The process that made it has ended before the pipe is used at all.
void passing_maker_gone(const struct variant *variant)
{
    struct variant other = beside(variant);
    struct ends to_sender = make_pipe(), to_receiver = make_pipe();
    struct maker maker = {to_sender.out, to_receiver.out};
    crew_connection in = {0};
    CHECK_INT(finish(launch(variant, make_for_others, &maker, sizeof maker)), 0);
    crew_process sender = launch(&other, send_numbers_into, &to_sender.in, sizeof to_sender.in);
    CHECK_OK(crew_recv(to_receiver.in, &in, sizeof in, NULL, LIMIT_S));
    take_numbers(&in);
    CHECK_INT(finish(sender), 0);
    drop(in);
    drop_both(to_sender);
    drop_both(to_receiver);
}

// Takes its turns at a receiving end that comes and goes through the duplex control.
static int take_turns(void *arg)
{
    crew_connection control = *(crew_connection *)arg, in = {0};
    for (int leg = 1; leg < LEGS; leg += 2) {
        if (!CHECK_OK(crew_recv(control, &in, sizeof in, NULL, LIMIT_S)))
            break;
        for (int i = 0; i < EACH; i++)
            if (!CHECK_INT(take_number(in), leg * EACH + i))
                break;
        CHECK_OK(crew_send(control, &in, sizeof in, CREW_FOREVER));
        drop(in);
        char byte;
        CHECK_STATUS(crew_recv(in, &byte, 1, NULL, CREW_FOREVER), CREW_ECLOSED);
    }
    return check_result();
}

// A stream whose only receiver moves between two ranks, while a sender on either goes on.
void passing_receiver(const struct variant *variant)
{
    struct variant other = beside(variant), here = {"", {.placement = CREW_HERE}};
    const struct variant *places[] = {&other, &here};
    for (size_t place = 0; place < COUNT(places); place++) {
        struct ends control = make_duplex(), ends = make_pipe();
        crew_process receiver = launch(variant, take_turns, &control.out, sizeof control.out),
                     sender = launch(places[place], send_numbers, &ends.out, sizeof ends.out);
        drop(control.out);
        drop(ends.out);
        for (int leg = 0; leg < LEGS; leg += 2) {
            for (int i = 0; i < EACH; i++)
                if (!CHECK_INT(take_number(ends.in), leg * EACH + i))
                    break;
            CHECK_OK(crew_send(control.in, &ends.in, sizeof ends.in, CREW_FOREVER));
            drop(ends.in);
            CHECK_OK(crew_recv(control.in, &ends.in, sizeof ends.in, NULL, LIMIT_S));
        }
        expect_eof(ends.in);
        drop(ends.in);
        CHECK_INT(finish(receiver), 0);
        CHECK_INT(finish(sender), 0);
        drop(control.in);
    }
}

static int send_back(void *arg)
{
    crew_connection control = *(crew_connection *)arg, end = {0};
    for (int i = 0; i < 50; i++) {
        if (!CHECK_OK(crew_recv(control, &end, sizeof end, NULL, LIMIT_S)))
            break;
        send_number(end, i);
        CHECK_OK(crew_send(control, &end, sizeof end, CREW_FOREVER));
        if (i % 2)
            drop(end); // otherwise it gets what it has already
    }
    return check_result();
}

// The same end there and back, often, also to those who have it.
void passing_back(const struct variant *variant)
{
    struct ends control = make_duplex(), ends = make_pipe();
    crew_process process = launch(variant, send_back, &control.out, sizeof control.out);
    drop(control.out);
    for (int i = 0; i < 50; i++) {
        CHECK_OK(crew_send(control.in, &ends.out, sizeof ends.out, CREW_FOREVER));
        if (i % 3)
            drop(ends.out);
        CHECK_INT(take_number(ends.in), i);
        CHECK_OK(crew_recv(control.in, &ends.out, sizeof ends.out, NULL, LIMIT_S));
    }
    CHECK_INT(finish(process), 0);
    expect_nothing(ends.in);
    drop(ends.out);
    expect_eof(ends.in);
    drop(ends.in);
    drop(control.in);
}
