/* SPDX-License-Identifier: BSD-3-Clause */
/* What the small programs share, so that each shows its concept and nothing else: the command
 * line and the clock. */
#ifndef CHAPTER_H
#define CHAPTER_H

/** A program that takes no arguments: --help prints @p doc and ends it with 0, an argument that
 * makes no sense ends it with 2. */
void chapter_takes_no_arguments(int argc, char **argv, const char *doc);

/** Sleeps; also when a signal comes meanwhile, to the end. */
void chapter_sleep(double seconds);

/** Seconds of a clock that only goes forward; the difference of two is the time between. */
double chapter_now_s(void);

#endif
