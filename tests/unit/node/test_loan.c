/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that is read where it is, and what is not there any more. */
#include "node/loan.h"
#include "node/memory.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE ((size_t)300000)

static unsigned char bytes[SIZE], copy[SIZE];
static _Atomic uint64_t cookie;

static void parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    cookie = crewi_loan_cookie();
    struct crewi_loan loan = crewi_loan_make(bytes, &cookie);
    assert_int_equal(loan.pid, getpid());
    assert_int_equal(crewi_loan_read(&loan, 0, copy, 100), CREW_OK);
    assert_int_equal(crewi_loan_read(&loan, 100, copy + 100, SIZE - 100), CREW_OK);
    assert_int_equal(crewi_loan_read(&loan, SIZE, copy, 0), CREW_OK);
    assert_int_equal(crewi_loan_check(&loan), CREW_OK);
    assert_memory_equal(copy, bytes, SIZE);
    cookie = 0;
    assert_int_equal(crewi_loan_check(&loan), CREW_ETRUNC);
    cookie = crewi_loan_cookie(); /* lent once more */
    assert_int_equal(crewi_loan_check(&loan), CREW_ETRUNC);
}

static void not_there(void **state)
{
    (void)state;
    cookie = crewi_loan_cookie();
    struct crewi_loan loan = crewi_loan_make((void *)(uintptr_t)4096, &cookie);
    assert_int_equal(crewi_loan_read(&loan, 0, copy, 10), CREW_ETRUNC);
    loan.address = UINT64_MAX - 5;
    assert_int_equal(crewi_loan_read(&loan, 0, copy, 10), CREW_ETRUNC);
    loan.cookie_address = 8;
    assert_int_equal(crewi_loan_check(&loan), CREW_ETRUNC);
    loan = (struct crewi_loan){0};
    assert_int_not_equal(crewi_loan_check(&loan), CREW_OK);
}

/* Of a process that lives, and of one that has died. */
static void of_another_process(void **state)
{
    int ends[2];
    struct crewi_loan loan;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        memset(bytes, 9, SIZE);
        cookie = crewi_loan_cookie();
        loan = crewi_loan_make(bytes, &cookie);
        if (write(ends[1], &loan, sizeof loan) != sizeof loan)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &loan, sizeof loan), sizeof loan);
    assert_int_equal(loan.pid, pid);
    assert_int_equal(crewi_loan_read(&loan, 0, copy, SIZE), CREW_OK);
    assert_int_equal(crewi_loan_check(&loan), CREW_OK);
    assert_true(copy[0] == 9 && copy[SIZE - 1] == 9);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_not_equal(crewi_loan_read(&loan, 0, copy, SIZE), CREW_OK);
    assert_int_not_equal(crewi_loan_check(&loan), CREW_OK);
    close(ends[0]);
    close(ends[1]);
}

static void cookies_differ(void **state)
{
    uint64_t seen[1000];
    (void)state;
    for (int i = 0; i < 1000; i++) {
        seen[i] = crewi_loan_cookie();
        assert_int_not_equal(seen[i], 0);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(seen[k], seen[i]);
    }
}

/* Memory for large pieces is malloc()'s, and what is in it stays. */
static void large_memory(void **state)
{
    (void)state;
    size_t size = (size_t)9 << 20;
    unsigned char *memory = crewi_memory_alloc(100);
    assert_non_null(memory);
    memset(memory, 5, 100);
    memory = crewi_memory_grow(memory, size);
    assert_non_null(memory);
    assert_true(memory[0] == 5 && memory[99] == 5);
    memset(memory, 6, size);
    free(memory);
    memory = crewi_memory_alloc(size);
    assert_non_null(memory);
    memset(memory, 7, size);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),          cmocka_unit_test(not_there),
        cmocka_unit_test(cookies_differ), cmocka_unit_test(of_another_process),
        cmocka_unit_test(large_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
