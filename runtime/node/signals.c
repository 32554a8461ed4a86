/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/signals.h"

#include <stdbool.h>
#include <stddef.h>

static struct {
    sigset_t ignored, blocked;
} inherited;

/* False for the numbers that the C library keeps for itself, too: sigaction() refuses those. */
static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
           now.sa_handler == SIG_IGN;
}

__attribute__((constructor)) static void note_inherited(void)
{
    sigemptyset(&inherited.ignored);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (is_ignored(number))
            sigaddset(&inherited.ignored, number);
    sigprocmask(SIG_SETMASK, NULL, &inherited.blocked);
}

void crewi_signals_reset(sigset_t *mask)
{
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigismember(&inherited.blocked, number) == 1)
            sigdelset(mask, number);
        bool of_the_job = number == SIGHUP || number == SIGINT || number == SIGQUIT;
        if (sigismember(&inherited.ignored, number) == 1 && !of_the_job && is_ignored(number))
            signal(number, SIG_DFL);
    }
    signal(SIGCHLD, SIG_DFL);
}

static void do_nothing(int number)
{
    (void)number;
}

void crewi_signals_leave_to_main(void)
{
    static const int passed_on[] = {SIGUSR1, SIGUSR2, SIGALRM};
    /* Not SIG_IGN, which programs that the rank starts would inherit. */
    struct sigaction nothing = {.sa_handler = do_nothing, .sa_flags = SA_RESTART}, now;
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        if (sigaction(passed_on[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
            now.sa_handler == SIG_DFL)
            sigaction(passed_on[i], &nothing, NULL);
}
