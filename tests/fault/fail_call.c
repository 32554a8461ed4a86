// SPDX-License-Identifier: BSD-3-Clause
// To be preloaded: makes one call of libcrew fail, the n-th of a function in a role of process, as
// it does when a machine runs out of something.
//
//   CREW_TEST_FAIL       FUNCTION:N  the function is one of the names below; malloc stands for
//                        calloc and realloc, too. Calls are counted from 1 in each process.
//   CREW_TEST_FAIL_IN    rank, server or child: how many forks a process is away from main()
//   CREW_TEST_FAIL_RANK  of this rank alone
//   CREW_TEST_FAIL_MARK  a file to be made when it has happened, with the place of the call
//
// Only calls that libcrew makes itself are counted: those of OpenMPI, of the C library and of the
// program succeed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum role { RANK, SERVER, CHILD };

static struct {
    char function[32], mark[256];
    long nth;
    int wanted;           // role
    uintptr_t begin, end; // of libcrew
    bool armed;
} plan;
static int role;
static atomic_long calls;

// The C library's, under the names that do not go through here.
void *__libc_malloc(size_t size);                // NOLINT
void *__libc_calloc(size_t count, size_t size);  // NOLINT
void *__libc_realloc(void *memory, size_t size); // NOLINT

static int find_libcrew(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    if (strstr(info->dlpi_name, "/libcrew.so") == NULL)
        return 0;
    plan.begin = plan.end = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > plan.end)
            plan.end = end;
    }
    return 1;
}

__attribute__((constructor)) static void make_plan(void)
{
    const char *what = getenv("CREW_TEST_FAIL"), *where = getenv("CREW_TEST_FAIL_IN"),
               *mark = getenv("CREW_TEST_FAIL_MARK"), *only = getenv("CREW_TEST_FAIL_RANK"),
               *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (what == NULL || sscanf(what, "%31[^:]:%ld", plan.function, &plan.nth) != 2)
        return;
    if (only != NULL && (rank == NULL || strcmp(only, rank) != 0))
        return;
    if (where != NULL)
        plan.wanted = strcmp(where, "rank") == 0     ? RANK
                      : strcmp(where, "server") == 0 ? SERVER
                                                     : CHILD;
    snprintf(plan.mark, sizeof plan.mark, "%s", mark != NULL ? mark : "");
    dl_iterate_phdr(find_libcrew, NULL);
    plan.armed = plan.begin != 0;
}

static void leave_mark(const char *function, uintptr_t caller)
{
    char line[120];
    int size = snprintf(line, sizeof line, "%s called at libcrew+0x%lx, process %d\n", function,
                        (unsigned long)(caller - plan.begin), (int)getpid());
    int fd = plan.mark[0] == '\0' ? -1
                                  : (int)syscall(SYS_openat, AT_FDCWD, plan.mark,
                                                 O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd < 0)
        return;
    (void)!write(fd, line, (size_t)size);
    close(fd);
}

static bool fails(const char *function, const void *caller, int code)
{
    uintptr_t at = (uintptr_t)caller;
    if (!plan.armed || role != plan.wanted || at < plan.begin || at >= plan.end ||
        strcmp(function, plan.function) != 0 || atomic_fetch_add(&calls, 1) + 1 != plan.nth)
        return false;
    leave_mark(function, at);
    errno = code;
    return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
    return fails("malloc", CALLER, ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails("malloc", CALLER, ENOMEM) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails("malloc", CALLER, ENOMEM) ? NULL : __libc_realloc(memory, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fails("mmap", CALLER, ENOMEM))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

int memfd_create(const char *name, unsigned flags)
{
    return fails("memfd_create", CALLER, EMFILE) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

int ftruncate(int fd, off_t size)
{
    return fails("ftruncate", CALLER, ENOSPC) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int pipe2(int fds[2], int flags)
{
    return fails("pipe2", CALLER, EMFILE) ? -1 : (int)syscall(SYS_pipe2, fds, flags);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    return fails("socketpair", CALLER, EMFILE)
               ? -1
               : (int)syscall(SYS_socketpair, domain, type, protocol, fds);
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return fails("open", CALLER, EMFILE) ? -1
                                         : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

pid_t fork(void)
{
    static pid_t (*next)(void);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "fork");
    if (fails("fork", CALLER, EAGAIN))
        return -1;
    pid_t pid = next();
    if (pid == 0) {
        role++;
        atomic_store(&calls, 0);
    }
    return pid;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*function)(void *),
                   void *arg)
{
    static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
    return fails("pthread_create", CALLER, EAGAIN) ? EAGAIN : next(thread, attr, function, arg);
}
