/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Strays: what a fork server has below it at its end, which is its children and whatever these have
 * left behind, since it is a subreaper.
 */
#ifndef CREWI_NODE_STRAYS_H
#define CREWI_NODE_STRAYS_H

/** Kills and reaps all children of the calling process, and what comes to it when these die, until
 * there is none. Needs no /proc: where the kernel does not list children (no /proc, gVisor,
 * CONFIG_PROC_CHILDREN off), process ids are tried one by one, which takes up to a second. */
void crewi_strays_end(void);

#endif
