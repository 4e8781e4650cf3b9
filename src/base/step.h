/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * step.h: the points at which a test may kill the program: before, inside and after each durable step of what must be whole afterwards,
 * like a purchase. They stand in steps.tbl.h; code that passes one says so:
 *
 *     e = db_write(db, create_fn, &work);
 *     STEP(order_created);
 *
 * In builds with test doors GRANDSTAND_TEST_KILL=NAME, or NAME:3 for the third time, ends the process there as kill -9 would: nothing is
 * flushed, nobody is told. A test forces each name of the table in turn and fails where the program was not killed. In release builds nothing is left
 * of it. Any thread. */
#ifndef BASE_STEP_H
#define BASE_STEP_H

enum step {
#define STEP_POINT(name, walk, between) STEP_##name,
#include "base/steps.tbl.h"
#undef STEP_POINT
    STEP_POINTS
};

const char *step_name(enum step); /* "order_created" */
const char *step_walk(enum step); /* "purchase", "rental", "renewal", "refund", "charge_back", "deal": in which it is passed */

#ifdef GRANDSTAND_TEST_DOORS
#define STEP(name) step_pass(STEP_##name)
void step_pass(enum step);
#else
#define STEP(name) ((void)0)
#endif

#endif
