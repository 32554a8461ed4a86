/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/crash.h"

#include "base/descriptor.h"
#include "pool/crash_source.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FRAMES 32

/* The handler, and what the kernel returns to from it. */
#define OWN_FRAMES 2
#define STACK_SIZE 65536

static struct {
    char *text;
    size_t size;
    int pipe[2]; /* backtrace_symbols_fd() wants a descriptor, and allocates nothing */
} crash;

/* On a stack of its own: it may be the stack that is full. */
static void leave_word(int number)
{
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES), first = count > OWN_FRAMES ? OWN_FRAMES : 0;
    backtrace_symbols_fd(frames + first, count - first, crash.pipe[1]);
    ssize_t size = read(crash.pipe[0], crash.text, crash.size - 1);
    crash.text[size > 0 ? size : 0] = '\0';
    signal(number, SIG_DFL);
    raise(number);
}

static bool is_free(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
           now.sa_handler == SIG_DFL;
}

void crewi_crash_watch(char *text, size_t size)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static char stack[STACK_SIZE];
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = leave_word, .sa_flags = SA_ONSTACK | SA_NODEFER};
    void *frame;
    text[0] = '\0';
    if (pipe2(crash.pipe, O_CLOEXEC | O_NONBLOCK) || crewi_descriptors_move_up(crash.pipe) ||
        sigaltstack(&own, NULL))
        return; /* then a crash says less */
    crash.text = text;
    crash.size = size;
    backtrace(&frame, 1); /* the first one loads a library, which a crash may not */
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (is_free(signals[i]))
            sigaction(signals[i], &action, NULL);
}

/* The length of the file's name, which the symbol in round brackets or the address in square ones
 * follows. */
static size_t file_length(const char *line, size_t length)
{
    const char *end = memchr(line, '(', length);
    if (!end)
        end = memchr(line, '[', length);
    return end ? (size_t)(end - line) : length;
}

/* The title stands where the program's name was, and may have been cut to its length. */
static bool is_program(const char *file, size_t length, const char *title)
{
    return length && length <= strlen(title) && memcmp(file, title, length) == 0;
}

/* "/usr/lib/libc.so.6(abort+0xd3) [0x7f12]" becomes "abort+0xd3 in libc.so.6"; "prog() [0x401136]",
 * of a program that is linked for one address, "+0x401136 in prog". */
static void tidy_line(const char *line, size_t length, const char *title, char *tidy, size_t size)
{
    const char *open = memchr(line, '(', length);
    const char *close = open ? memchr(open, ')', length - (size_t)(open - line)) : NULL;
    const char *bracket = memrchr(line, '[', length);
    const char *bracket_end =
        bracket ? memchr(bracket, ']', length - (size_t)(bracket - line)) : NULL;
    size_t file_size = file_length(line, length);
    const char *slash = memrchr(line, '/', file_size);
    const char *file = slash ? slash + 1 : line;
    file_size -= (size_t)(file - line);
    if (!slash && is_program(file, file_size, title)) {
        file = CREWI_CRASH_PROGRAM;
        file_size = strlen(file);
    }
    if (close && close > open + 1)
        snprintf(tidy, size, "%.*s in %.*s\n", (int)(close - open - 1), open + 1, (int)file_size,
                 file);
    else if (bracket_end && bracket_end > bracket + 1)
        snprintf(tidy, size, "+%.*s in %.*s\n", (int)(bracket_end - bracket - 1), bracket + 1,
                 (int)file_size, file);
    else
        snprintf(tidy, size, "%.*s\n", (int)file_size, file);
}

void crewi_crash_tidy(const char *text, const char *title, char *tidy, size_t size)
{
    size_t at = 0;
    tidy[0] = '\0';
    while (*text && at + 1 < size) {
        size_t length = strcspn(text, "\n");
        tidy_line(text, length, title, tidy + at, size - at);
        at += strlen(tidy + at);
        text += length + (text[length] == '\n');
    }
}
