// SPDX-License-Identifier: BSD-3-Clause
// What the cases of pipes do all the time, with checks.
#include "pipe_cases.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

struct ends make_pipe(void)
{
    struct ends ends = {{0}, {0}};
    CHECK_OK(crew_pipe_create(&ends.in, &ends.out, NULL));
    CHECK(ends.in.id != 0 && ends.out.id != 0 && ends.in.id != ends.out.id);
    return ends;
}

struct ends make_duplex(void)
{
    struct ends ends = {{0}, {0}};
    CHECK_OK(crew_pipe_create(&ends.in, &ends.out, &(crew_pipe_attr){.duplex = true}));
    CHECK(ends.in.id != 0 && ends.out.id != 0 && ends.in.id != ends.out.id);
    return ends;
}

void drop(crew_connection end)
{
    CHECK_OK(crew_connection_close(end));
}

void drop_both(struct ends ends)
{
    drop(ends.in);
    drop(ends.out);
}

void send_text(crew_connection out, const char *text)
{
    CHECK_OK(crew_send(out, text, strlen(text), CREW_FOREVER));
}

void expect_text(crew_connection in, const char *text)
{
    char found[64] = "";
    size_t size = 99;
    if (!CHECK_OK(crew_recv(in, found, sizeof found - 1, &size, LIMIT_S)))
        return;
    CHECK_INT(size, strlen(text));
    found[size < sizeof found ? size : 0] = '\0';
    CHECK_TEXT(found, text);
}

void send_number(crew_connection out, int number)
{
    CHECK_OK(crew_send(out, &number, sizeof number, CREW_FOREVER));
}

int take_number(crew_connection in)
{
    int number = -1;
    size_t size = 0;
    if (CHECK_OK(crew_recv(in, &number, sizeof number, &size, LIMIT_S)))
        CHECK_INT(size, sizeof number);
    return number;
}

void expect_nothing(crew_connection in)
{
    char byte;
    CHECK_STATUS(crew_recv(in, &byte, 1, NULL, SHORT_S), CREW_ETIMEDOUT);
}

void expect_eof(crew_connection in)
{
    char byte = 'x';
    size_t size = 77;
    CHECK_STATUS(crew_recv(in, &byte, 1, &size, LIMIT_S), CREW_EOF);
    CHECK_OK(crew_poll(in, 0));
    CHECK_STATUS(crew_recv(in, &byte, 1, &size, CREW_FOREVER), CREW_EOF);
    CHECK_STATUS(crew_recv(in, &byte, 1, &size, 0), CREW_EOF);
    CHECK(byte == 'x');
    CHECK_INT(size, 77);
}

void expect_epipe(crew_connection out)
{
    double begin = check_now();
    crew_status status;
    do
        status = crew_send(out, "x", 1, 0.01);
    while ((status == CREW_OK || status == CREW_ETIMEDOUT) && check_now() - begin < LIMIT_S);
    CHECK_INT(status, CREW_EPIPE);
    CHECK_STATUS(crew_send(out, "x", 1, CREW_FOREVER), CREW_EPIPE);
    CHECK_STATUS(crew_send(out, NULL, 0, CREW_FOREVER), CREW_EPIPE);
    CHECK_STATUS(crew_send(out, "x", 1, 0), CREW_EPIPE);
}

void await(crew_connection in)
{
    CHECK_OK(crew_poll(in, LIMIT_S));
}

static uint64_t word_of(size_t index, unsigned seed)
{
    uint64_t word = (((uint64_t)seed + 1) << 32) ^ index;
    word *= 0x9e3779b97f4a7c15u;
    return word ^ (word >> 29);
}

void fill(void *data, size_t size, unsigned seed)
{
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = word_of(at / sizeof word, seed);
        memcpy((char *)data + at, &word, size - at < sizeof word ? size - at : sizeof word);
    }
}

bool is_filled(const void *data, size_t size, unsigned seed)
{
    bool fine = true;
    for (size_t at = 0; at < size && fine; at += sizeof(uint64_t)) {
        uint64_t word = word_of(at / sizeof word, seed);
        fine = memcmp((const char *)data + at, &word,
                      size - at < sizeof word ? size - at : sizeof word) == 0;
    }
    return fine;
}

void send_filled(crew_connection out, size_t size, unsigned seed)
{
    char *data = malloc(size + 1);
    if (!CHECK(data != NULL))
        return;
    fill(data, size, seed);
    CHECK_OK(crew_send(out, data, size, CREW_FOREVER));
    free(data);
}

void expect_filled(crew_connection in, size_t size, unsigned seed)
{
    size_t found = 0;
    char *data = malloc(size + 1);
    if (!CHECK(data != NULL))
        return;
    memset(data, 0x55, size + 1);
    if (CHECK_OK(crew_recv(in, data, size + 1, &found, LIMIT_S))) {
        CHECK_INT(found, size);
        CHECK(is_filled(data, size, seed));
        CHECK_INT(data[size], 0x55);
    }
    free(data);
}

int echo(void *arg)
{
    const struct ends *ends = arg;
    crew_view view;
    crew_status status;
    while ((status = crew_recv_view(ends->in, &view, SIZE_MAX, CREW_FOREVER)) == CREW_OK) {
        CHECK_OK(crew_send(ends->out, view.data, view.size, CREW_FOREVER));
        crew_view_release(&view);
    }
    CHECK_INT(status, CREW_EOF);
    return check_result();
}

int receive_nothing(void *arg)
{
    const struct ends *ends = arg;
    char byte;
    CHECK_STATUS(crew_recv(ends->in, &byte, 1, NULL, CREW_FOREVER), CREW_EOF);
    return check_result();
}
