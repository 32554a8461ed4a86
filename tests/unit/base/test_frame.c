/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames, lists of them, and headers that came from outside. */
#include "base/error.h"
#include "base/frame.h"
#include "unit.h"

#include <string.h>

static void a_new_frame(void **state)
{
    static const struct crewi_header zero;
    (void)state;
    for (uint64_t size = 0; size < 100; size++) {
        struct crewi_frame *frame = crewi_frame_create(size);
        assert_non_null(frame);
        assert_null(frame->next);
        assert_int_equal((uintptr_t)frame->payload % 16, 0);
        memset(frame->payload, 0xee, size);
        struct crewi_header header = frame->header;
        assert_int_equal(header.version, CREWI_FRAME_VERSION);
        assert_int_equal(header.size, size);
        header.version = 0;
        header.size = 0;
        assert_memory_equal(&header, &zero, sizeof zero);
        crewi_frame_destroy(frame);
    }
    crewi_frame_destroy(NULL);
}

static void a_frame_has_a_limit(void **state)
{
    (void)state;
    assert_null(crewi_frame_create(CREWI_FRAME_LIMIT + 1));
    assert_null(crewi_frame_create(UINT64_MAX));
    assert_null(crewi_frame_create(UINT64_MAX - sizeof(struct crewi_frame) + 1));
}

static void first_in_first_out(void **state)
{
    struct crewi_frames frames;
    uint64_t seed = 5, pushed = 0, popped = 0;
    (void)state;
    crewi_frames_init(&frames);
    assert_null(crewi_frames_pop(&frames));
    for (int i = 0; i < 10000; i++) {
        if (unit_random_below(&seed, 2)) {
            struct crewi_frame *frame = crewi_frame_create(0);
            assert_non_null(frame);
            frame->header.origin.request = ++pushed;
            crewi_frames_push(&frames, frame);
            continue;
        }
        struct crewi_frame *frame = crewi_frames_pop(&frames);
        assert_int_equal(frame != NULL, popped < pushed);
        if (!frame)
            continue;
        assert_null(frame->next);
        assert_int_equal(frame->header.origin.request, ++popped);
        crewi_frame_destroy(frame);
    }
    crewi_frames_clear(&frames);
    assert_null(crewi_frames_pop(&frames));
    crewi_frames_push(&frames, crewi_frame_create(1));
    assert_non_null(frames.first);
    crewi_frames_clear(&frames);
    crewi_frames_clear(&frames);
}

static void headers_that_can_be(void **state)
{
    (void)state;
    for (int type = CREWI_REQUEST; type <= CREWI_SHUTDOWN; type++) {
        struct crewi_header header = {
            .version = CREWI_FRAME_VERSION, .type = (uint8_t)type, .size = CREWI_FRAME_LIMIT};
        assert_int_equal(crewi_header_check(&header), CREW_OK);
    }
}

static void headers_that_cannot_be(void **state)
{
    struct crewi_header good = {.version = CREWI_FRAME_VERSION, .type = CREWI_NOTE}, bad = good;
    (void)state;
    bad.version = CREWI_FRAME_VERSION + 1;
    assert_int_equal(crewi_header_check(&bad), CREW_EPROTO);
    assert_non_null(strstr(crew_error_message(), "version"));
    bad = good;
    bad.type = 0;
    assert_int_equal(crewi_header_check(&bad), CREW_EPROTO);
    for (int type = CREWI_SHUTDOWN + 1; type < 256; type++) {
        bad.type = (uint8_t)type;
        assert_int_equal(crewi_header_check(&bad), CREW_EPROTO);
    }
    assert_string_equal(crew_error_message(), "a message of the unknown type 255");
    bad = good;
    bad.size = CREWI_FRAME_LIMIT + 1;
    assert_int_equal(crewi_header_check(&bad), CREW_EPROTO);
    bad.size = UINT64_MAX;
    assert_int_equal(crewi_header_check(&bad), CREW_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_frame),
        cmocka_unit_test(a_frame_has_a_limit),
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(headers_that_can_be),
        cmocka_unit_test(headers_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
