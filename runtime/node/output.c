/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/output.h"

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/log.h"

#include <crew/process.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define LINE_LIMIT ((size_t)65536)
#define READ_SIZE 65536
#define READS_AT_ONCE 16
#define WRITE_PATIENCE_US 100000

/* Room for what the server opens for a moment below its pipes. */
#define LOW_FILES 32

struct text {
    char *data;
    size_t size, room;
};

/* One of the server's own two. */
struct outlet {
    int fd;       /* -1: nobody takes it any more */
    int epoll;    /* of the streams to it */
    bool is_file; /* which takes everything at once */
    struct text pending;
    size_t begin;             /* of what is pending, the part before was written */
    uint64_t queued, written; /* bytes, ever */
};

struct crewi_stream {
    struct crewi_stream *next, *previous;
    struct outlet *outlet;
    int fd;           /* -1: at its end */
    bool child_ended; /* nobody knows it but the list */
    bool in_line;     /* a part of a line was passed on */
    uint64_t due;     /* outlet.queued after the last that was */
    struct text line; /* incomplete */
    char name[CREW_NAME_SIZE];
};

static struct {
    struct outlet outlets[2];
    struct crewi_stream *first;
    bool prefix;
    bool is_lost; /* some of it, as it could not be written */
    int lowest;   /* the server's descriptors for all this are from here on */
    struct rlimit files_before;
    struct sigaction alarm_before;
} output;

/* Text */

static void append(struct text *text, const void *data, size_t size)
{
    if (text->size + size > text->room) {
        size_t room = 2 * (text->size + size);
        char *grown = realloc(text->data, room);
        if (!grown) {
            crewi_log(CREWI_LOG_ERROR, "out of memory: %zu bytes of output are lost", size);
            return;
        }
        text->data = grown;
        text->room = room;
    }
    if (size > 0)
        memcpy(text->data + text->size, data, size);
    text->size += size;
}

static void drop(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

static void queue(struct outlet *outlet, const void *data, size_t size)
{
    size_t before = outlet->pending.size;
    append(&outlet->pending, data, size);
    outlet->queued += outlet->pending.size - before;
}

/* Passes on what a line began with, and this. */
static void pass_on(struct crewi_stream *stream, const char *data, size_t size)
{
    struct outlet *outlet = stream->outlet;
    if (output.prefix && !stream->in_line) {
        queue(outlet, "[", 1);
        queue(outlet, stream->name, strlen(stream->name));
        queue(outlet, "] ", 2);
    }
    queue(outlet, stream->line.data, stream->line.size);
    queue(outlet, data, size);
    stream->line.size = 0;
    stream->in_line = data[size - 1] != '\n';
    stream->due = outlet->queued;
}

static void take_in(struct crewi_stream *stream, const char *data, size_t size)
{
    while (size > 0) {
        const char *newline = memchr(data, '\n', size);
        size_t part = newline ? (size_t)(newline - data) + 1 : size;
        if (newline || stream->line.size + part >= LINE_LIMIT)
            pass_on(stream, data, part);
        else
            append(&stream->line, data, part);
        data += part;
        size -= part;
    }
}

static void end_line(struct crewi_stream *stream)
{
    if (stream->line.size > 0 || stream->in_line)
        pass_on(stream, "\n", 1);
}

/* Streams */

static void close_stream(struct crewi_stream *stream)
{
    if (stream->fd < 0)
        return;
    /* A child that is just being forked may hold it still, and the set with it. */
    epoll_ctl(stream->outlet->epoll, EPOLL_CTL_DEL, stream->fd, NULL);
    close(stream->fd);
    stream->fd = -1;
}

static void destroy_stream(struct crewi_stream *stream)
{
    close_stream(stream);
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        output.first = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    free(stream->line.data);
    free(stream);
}

/* Up to that many bytes. False when there is nothing now, or never again: then it is closed. */
static bool read_stream(struct crewi_stream *stream, size_t size)
{
    static char buffer[READ_SIZE];
    if (stream->fd < 0)
        return false;
    ssize_t found = read(stream->fd, buffer, size < sizeof buffer ? size : sizeof buffer);
    if (found > 0) {
        take_in(stream, buffer, (size_t)found);
        return true;
    }
    if (found < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    end_line(stream);
    close_stream(stream);
    return false;
}

static struct crewi_stream *open_stream(struct outlet *outlet, const char *name, int *end)
{
    int ends[2], high = -1;
    struct crewi_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) || crewi_descriptors_move_up(ends))
        goto fail_pipe;
    high = fcntl(ends[0], F_DUPFD_CLOEXEC, output.lowest);
    close(ends[0]);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
    if (high < 0 || fcntl(high, F_SETFL, O_NONBLOCK) ||
        epoll_ctl(outlet->epoll, EPOLL_CTL_ADD, high, &event))
        goto fail_add;
    stream->fd = high;
    stream->outlet = outlet;
    snprintf(stream->name, sizeof stream->name, "%s", name);
    stream->next = output.first;
    if (stream->next)
        stream->next->previous = stream;
    output.first = stream;
    *end = ends[1];
    return stream;
fail_add:
    close(ends[1]);
    if (high >= 0)
        close(high);
fail_pipe:
    free(stream);
    return NULL;
}

/* Outlets */

/* The other side is gone: so it is for the children. */
static void close_outlet(struct outlet *outlet)
{
    outlet->fd = -1;
    drop(&outlet->pending);
    outlet->begin = 0;
    outlet->written = outlet->queued;
    for (struct crewi_stream *stream = output.first; stream; stream = stream->next)
        if (stream->outlet == outlet)
            close_stream(stream);
}

/* A full disk is not the end: what comes later may find room. The children do not hear of it, so
 * the rank says it with its exit status. */
static void lose_pending(struct outlet *outlet, int code)
{
    if (!output.is_lost)
        crewi_log(CREWI_LOG_ERROR, "the output of processes cannot be written: %s", strerror(code));
    output.is_lost = true;
    outlet->begin = outlet->pending.size = 0;
    outlet->written = outlet->queued;
}

/* Whole lines, few enough to be taken at once; or one that is longer. */
static size_t next_write(const struct outlet *outlet)
{
    const char *data = outlet->pending.data + outlet->begin;
    size_t size = outlet->pending.size - outlet->begin;
    if (outlet->is_file || size <= PIPE_BUF)
        return size;
    const char *newline = memrchr(data, '\n', PIPE_BUF);
    if (!newline)
        newline = memchr(data, '\n', size);
    return newline ? (size_t)(newline - data) + 1 : size;
}

/* Nothing may be written to a terminal that was stopped, or a pipe that is full, without waiting;
 * there may also be less room than it takes. */
static ssize_t write_patiently(const struct outlet *outlet, const char *data, size_t size)
{
    static const struct itimerval patience = {{0, WRITE_PATIENCE_US}, {0, WRITE_PATIENCE_US}}, off;
    struct pollfd room = {.fd = outlet->fd, .events = POLLOUT};
    if (outlet->is_file)
        return write(outlet->fd, data, size);
    if (poll(&room, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    setitimer(ITIMER_REAL, &patience, NULL);
    ssize_t written = write(outlet->fd, data, size);
    int saved = errno;
    setitimer(ITIMER_REAL, &off, NULL);
    errno = saved;
    return written;
}

static void flush(struct outlet *outlet)
{
    while (outlet->begin < outlet->pending.size) {
        ssize_t written =
            write_patiently(outlet, outlet->pending.data + outlet->begin, next_write(outlet));
        if (written < 0 && errno == EPIPE) {
            close_outlet(outlet);
            return;
        }
        if (written < 0 && errno != EAGAIN && errno != EINTR) {
            lose_pending(outlet, errno);
            return;
        }
        if (written < 0)
            return;
        outlet->begin += (size_t)written;
        outlet->written += (uint64_t)written;
    }
    outlet->begin = outlet->pending.size = 0;
}

static bool is_pending(const struct outlet *outlet)
{
    return outlet->begin < outlet->pending.size;
}

static void read_streams(struct outlet *outlet)
{
    struct epoll_event events[READS_AT_ONCE];
    int count = epoll_wait(outlet->epoll, events, READS_AT_ONCE, 0);
    for (int i = 0; i < count; i++) {
        struct crewi_stream *stream = events[i].data.ptr;
        read_stream(stream, READ_SIZE);
        if (stream->fd < 0 && stream->child_ended)
            destroy_stream(stream);
    }
}

/* Sharing */

static bool is_alike(int one, int other)
{
    struct stat facts, others;
    return fstat(one, &facts) == 0 && fstat(other, &others) == 0 &&
           (facts.st_mode & S_IFMT) == (others.st_mode & S_IFMT) &&
           (S_ISFIFO(facts.st_mode) || (isatty(one) && isatty(other)));
}

void crewi_output_share(pid_t pid)
{
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
        int others = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        if (others < 0)
            continue;
        if (is_alike(fd, others))
            dup2(others, fd);
        close(others);
    }
}

/* The server's side */

static int highest_descriptor(void)
{
    int highest = STDERR_FILENO;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (atoi(entry->d_name) > highest)
            highest = atoi(entry->d_name);
    if (folder)
        closedir(folder);
    return highest;
}

static void do_nothing(int number)
{
    (void)number;
}

static void open_outlet(struct outlet *outlet, int fd)
{
    struct stat facts;
    *outlet = (struct outlet){.fd = -1, .epoll = -1};
    if (fstat(fd, &facts))
        return;
    int low = epoll_create1(EPOLL_CLOEXEC);
    outlet->epoll = fcntl(low, F_DUPFD_CLOEXEC, output.lowest);
    if (low >= 0)
        close(low);
    if (outlet->epoll < 0)
        return;
    outlet->fd = fd;
    outlet->is_file = S_ISREG(facts.st_mode);
}

void crewi_output_begin(bool prefix)
{
    output.prefix = prefix;
    output.lowest = highest_descriptor() + LOW_FILES;
    getrlimit(RLIMIT_NOFILE, &output.files_before);
    struct rlimit files = {output.files_before.rlim_max, output.files_before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &files);
    open_outlet(&output.outlets[0], STDOUT_FILENO);
    open_outlet(&output.outlets[1], STDERR_FILENO);
    /* Interrupts a write that lasts. */
    struct sigaction interrupt = {.sa_handler = do_nothing};
    sigset_t alarms;
    sigaction(SIGALRM, &interrupt, &output.alarm_before);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
}

void crewi_output_open(struct crewi_output *child, const char *name)
{
    *child = (struct crewi_output){.ends = {-1, -1}};
    for (int i = 0; i < 2; i++)
        if (output.outlets[i].fd >= 0)
            child->streams[i] = open_stream(&output.outlets[i], name, &child->ends[i]);
}

void crewi_output_name(struct crewi_output *child, const char *name)
{
    for (int i = 0; i < 2; i++)
        if (child->streams[i])
            snprintf(child->streams[i]->name, sizeof child->streams[i]->name, "%s", name);
}

void crewi_output_forked(struct crewi_output *child)
{
    for (int i = 0; i < 2; i++) {
        if (child->ends[i] >= 0)
            close(child->ends[i]);
        child->ends[i] = -1;
    }
}

/* What is in the pipe now, and no more: others may go on to write there. */
static void end_stream(struct crewi_stream *stream)
{
    int left = 0;
    if (stream->fd >= 0 && ioctl(stream->fd, FIONREAD, &left) == 0)
        for (; left > 0 && read_stream(stream, (size_t)left); left -= READ_SIZE)
            ;
    read_stream(stream, 1); /* the end, if it is there */
    end_line(stream);
    stream->child_ended = true;
}

void crewi_output_child_ended(struct crewi_output *child)
{
    for (int i = 0; i < 2; i++) {
        struct crewi_stream *stream = child->streams[i];
        if (!stream)
            continue;
        end_stream(stream);
        child->due[i] = stream->due;
        if (stream->fd < 0)
            destroy_stream(stream);
        child->streams[i] = NULL;
        flush(&output.outlets[i]);
    }
}

bool crewi_output_is_written(const struct crewi_output *child)
{
    return output.outlets[0].written >= child->due[0] && output.outlets[1].written >= child->due[1];
}

void crewi_output_watch(struct pollfd fds[2])
{
    for (int i = 0; i < 2; i++) {
        const struct outlet *outlet = &output.outlets[i];
        fds[i] = is_pending(outlet)
                     ? (struct pollfd){.fd = outlet->fd, .events = POLLOUT}
                     : (struct pollfd){.fd = outlet->fd < 0 ? -1 : outlet->epoll, .events = POLLIN};
    }
}

void crewi_output_step(const struct pollfd fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (!fds[i].revents)
            continue;
        if (!is_pending(&output.outlets[i]))
            read_streams(&output.outlets[i]);
        flush(&output.outlets[i]);
    }
}

void crewi_output_finish(int64_t deadline_ns)
{
    for (struct crewi_stream *stream = output.first, *next; stream; stream = next) {
        next = stream->next;
        end_stream(stream);
        destroy_stream(stream);
    }
    for (int i = 0; i < 2; i++) {
        struct outlet *outlet = &output.outlets[i];
        flush(outlet);
        while (is_pending(outlet) && crewi_now_ns() < deadline_ns) {
            struct pollfd room = {.fd = outlet->fd, .events = POLLOUT};
            poll(&room, 1, 100);
            flush(outlet);
        }
    }
}

bool crewi_output_is_lost(void)
{
    return output.is_lost;
}

/* The child's side */

void crewi_output_attach(const struct crewi_output *child)
{
    for (int i = 0; i < 2; i++)
        if (child->ends[i] >= 0) {
            dup2(child->ends[i], i ? STDERR_FILENO : STDOUT_FILENO);
            close(child->ends[i]);
        }
    close_range((unsigned)output.lowest, UINT_MAX, 0);
    setrlimit(RLIMIT_NOFILE, &output.files_before);
    sigaction(SIGALRM, &output.alarm_before, NULL);
    /* What it prints is in the pipe at once, so that no signal can take it away. */
    setvbuf(stdout, NULL, _IONBF, 0);
}
