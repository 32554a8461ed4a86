/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * How a thread that serves others gets a core from those that compute.
 *
 * An engine sleeps nearly always and runs for microseconds, but when every core computes, Linux
 * (from 6.6 on, EEVDF) lets the one that computes finish its time slice first: 3 ms for each
 * wake-up on the way of a message. A thread that asks for shorter slices gets its turn at once
 * (from 6.12 on; it needs no privilege, and gives it no more time in all).
 */
#ifndef CREWI_NODE_SCHEDULING_H
#define CREWI_NODE_SCHEDULING_H

/** Asks for the shortest time slices for the calling thread; what it forks has ordinary ones.
 * Nothing happens where the kernel does not know that. */
void crewi_scheduling_prefer_latency(void);

/** Asks for long ones, for a thread that only computes: with more workers than cores they take
 * turns less often. */
void crewi_scheduling_prefer_throughput(void);

#endif
