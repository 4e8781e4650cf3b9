/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * fault.h: makes the n-th allocation, write or read fail, so that tests can walk through every failure in turn:
 * fail the first, check that it was reported and nothing leaked, then the second, until a run meets no failure.
 *
 * base/mem and base/fs ask here before each operation. Unarmed, the question costs one relaxed load. Counting is
 * process-wide and atomic; arming and reading are for the test's own thread. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_point { FAULT_ALLOC, FAULT_WRITE, FAULT_READ, FAULT_SYNC, FAULT_POINTS };

/* The n-th operation (from 1) of this kind fails, once; with `sticky` all later ones too. n = 0 disarms. */
void fault_arm(enum fault_point, uint64_t nth, bool sticky);
void fault_disarm_all(void);

/* Did an armed point fire since it was armed? */
bool fault_fired(enum fault_point);

/* Arms from text such as "write:17" or "alloc:3+" (+ = sticky), comma-separated; for child processes and scenario
 * tests. Returns false, and arms nothing, if the text is malformed. */
bool fault_arm_from_text(const char *text);

/* For base/ and the wrappers around system calls only. */
bool fault_hits(enum fault_point);

#endif
