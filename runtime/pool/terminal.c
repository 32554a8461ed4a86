/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/terminal.h"

#include "transport/transport.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a terminal that does not know. */
#define USUAL_COLUMNS 80

static atomic_bool in_line;

static int columns_of(int fd)
{
    struct winsize size;
    if (!isatty(fd))
        return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : USUAL_COLUMNS;
}

/* What a rank writes into its pipe appears where mpirun writes. */
static int columns_of_launcher(void)
{
    char name[32];
    struct stat about;
    if (!crewi_transport_is_launched() || fstat(STDERR_FILENO, &about) != 0 ||
        !S_ISFIFO(about.st_mode))
        return 0;
    snprintf(name, sizeof name, "/proc/%d/fd/2", (int)getppid());
    int fd = open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    int columns = columns_of(fd);
    close(fd);
    return columns;
}

int crewi_terminal_columns(void)
{
    int columns = columns_of(STDERR_FILENO);
    return columns ? columns : columns_of_launcher();
}

void crewi_terminal_end_line(void)
{
    if (atomic_exchange(&in_line, false) && write(STDERR_FILENO, "\n", 1) < 0) {
        /* The terminal is gone. */
    }
}

static void end_line_and_die(int number)
{
    crewi_terminal_end_line();
    signal(number, SIG_DFL);
    raise(number);
}

/* What ends the program by default does so after the line; who handles a signal is left alone. */
static void watch_for_the_end(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction now, action = {.sa_handler = end_line_and_die, .sa_flags = SA_NODEFER};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
    atexit(crewi_terminal_end_line);
}

void crewi_terminal_draw(const char *line)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char text[512];
    pthread_once(&once, watch_for_the_end);
    int length = snprintf(text, sizeof text, "\r%s\033[K", line);
    atomic_store(&in_line, true);
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0) {
        /* The terminal is gone; the map goes on. */
    }
}
