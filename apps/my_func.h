/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MY_FUNC_H
#define MY_FUNC_H

/** What the processes of spawning_processes_namespace run. @p arg points to the number of the
 * process. */
__attribute__((visibility("default"))) int my_func(void *arg);

#endif
