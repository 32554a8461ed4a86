// SPDX-License-Identifier: BSD-3-Clause
#include "proc_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Reads a file of /proc/PID, ends it with a NUL, and returns its length; -1 if it is not there.
static ssize_t read_proc_file(pid_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, size - 1);
    close(fd);
    text[length < 0 ? 0 : length] = '\0';
    return length;
}

// The name in the second field may hold spaces and parentheses: the last one ends it.
static bool read_proc(pid_t pid, struct proc *proc)
{
    char text[1024];
    if (read_proc_file(pid, "stat", text, sizeof text) <= 0)
        return false;
    char *open_mark = strchr(text, '(');
    char *close_mark = strrchr(text, ')');
    if (open_mark == NULL || close_mark == NULL)
        return false;
    *close_mark = '\0';
    memset(proc, 0, sizeof *proc);
    int parent = 0;
    if (sscanf(close_mark + 1,
               " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
               "%*d %*d %llu",
               &proc->state, &parent, &proc->start) != 3)
        return false;
    proc->pid = pid;
    proc->parent = (pid_t)parent;
    snprintf(proc->name, sizeof proc->name, "%s", open_mark + 1);
    return true;
}

static bool append(struct proc_list *list, size_t *capacity, const struct proc *proc)
{
    if (list->count == *capacity) {
        size_t wanted = *capacity ? 2 * *capacity : 256;
        struct proc *items = realloc(list->items, wanted * sizeof *items);
        if (items == NULL)
            return false;
        list->items = items;
        *capacity = wanted;
    }
    list->items[list->count++] = *proc;
    return true;
}

static bool list_all(struct proc_list *list)
{
    size_t capacity = 0;
    *list = (struct proc_list){0};
    DIR *dir = opendir("/proc");
    if (dir == NULL)
        return false;
    bool fine = true;
    for (struct dirent *entry; fine && (entry = readdir(dir)) != NULL;) {
        struct proc proc;
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 0 && read_proc((pid_t)pid, &proc))
            fine = append(list, &capacity, &proc);
    }
    closedir(dir);
    if (!fine)
        proc_list_fini(list);
    return fine;
}

// Moves the children of a process behind the first *found entries.
static void collect_children(struct proc_list *list, pid_t parent, int depth, size_t *found)
{
    for (size_t i = *found; i < list->count; i++) {
        if (list->items[i].parent != parent)
            continue;
        struct proc child = list->items[i];
        child.depth = depth;
        list->items[i] = list->items[*found];
        list->items[(*found)++] = child;
    }
}

bool proc_list_descendants(struct proc_list *list)
{
    if (!list_all(list))
        return false;
    size_t found = 0;
    collect_children(list, getpid(), 1, &found);
    for (size_t i = 0; i < found; i++)
        collect_children(list, list->items[i].pid, list->items[i].depth + 1, &found);
    list->count = found;
    return true;
}

void proc_list_fini(struct proc_list *list)
{
    free(list->items);
    *list = (struct proc_list){0};
}

void proc_list_print(const struct proc_list *list)
{
    fprintf(stderr, "  %7s %7s S %-20s command\n", "pid", "parent", "waits in");
    for (size_t i = 0; i < list->count; i++) {
        const struct proc *proc = &list->items[i];
        char wait[64] = "";
        char command[256];
        read_proc_file(proc->pid, "wchan", wait, sizeof wait);
        ssize_t length = read_proc_file(proc->pid, "cmdline", command, sizeof command);
        for (ssize_t at = 0; at + 1 < length; at++)
            if (command[at] == '\0')
                command[at] = ' ';
        if (length <= 0)
            snprintf(command, sizeof command, "[%s]", proc->name);
        fprintf(stderr, "  %7d %7d %c %-20s %*s%s\n", (int)proc->pid, (int)proc->parent,
                proc->state, wait, 2 * (proc->depth - 1), "", command);
    }
}

void proc_list_print_stacks(const struct proc_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        char command[160];
        if (list->items[i].state == 'Z')
            continue;
        fprintf(stderr, "  stacks of %d (%s):\n", (int)list->items[i].pid, list->items[i].name);
        snprintf(
            command, sizeof command,
            "timeout 20 gdb -p %d -batch -nx -ex 'thread apply all bt 12' 2>/dev/null </dev/null | "
            "grep -E '^(Thread|#)' >&2",
            (int)list->items[i].pid);
        if (system(command) == -1)
            return;
    }
}

void proc_kill_descendants(void)
{
    for (int round = 0; round < 200; round++) {
        struct proc_list list;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (!proc_list_descendants(&list))
            return;
        for (size_t i = 0; i < list.count; i++)
            kill(list.items[i].pid, SIGKILL);
        size_t left = list.count;
        proc_list_fini(&list);
        if (left == 0)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}
