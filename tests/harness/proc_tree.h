// SPDX-License-Identifier: BSD-3-Clause
// The processes below this one, as /proc shows them. Together with PR_SET_CHILD_SUBREAPER none can
// get away: a process whose parent ends becomes a child of ours, whatever session or group it is
// in.
#ifndef CREW_TESTS_HARNESS_PROC_TREE_H
#define CREW_TESTS_HARNESS_PROC_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct proc {
    pid_t pid;
    pid_t parent;
    char state;               // as in /proc/PID/stat: R, S, D, Z, T ...
    int depth;                // children of this process have 1
    unsigned long long start; // tells a process from a later one with the same id
    char name[64];
};

struct proc_list {
    struct proc *items;
    size_t count;
};

// All descendants of this process, parents before children. False if /proc cannot be read or memory
// is short; otherwise the list is to be given back with proc_list_fini.
bool proc_list_descendants(struct proc_list *list);
void proc_list_fini(struct proc_list *list);

// Prints each process of the list to standard error: id, parent, state, where it waits, command
// line.
void proc_list_print(const struct proc_list *list);

// Prints the stacks of all threads of the list, if gdb is installed.
void proc_list_print_stacks(const struct proc_list *list);

// Kills and reaps all descendants, again and again while some of them still fork.
void proc_kill_descendants(void);

#endif
