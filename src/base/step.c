/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/step.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *walk;
} points[STEP_POINTS] = {
#define STEP_POINT(name, walk, between) {#name, #walk},
#include "base/steps.tbl.h"
#undef STEP_POINT
};

const char *step_name(enum step step) { return points[step].name; }
const char *step_walk(enum step step) { return points[step].walk; }

#ifdef GRANDSTAND_TEST_DOORS
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int deadly = -1; /* the step to die at */
static atomic_long left; /* times that it is to be passed until then */

static void read_wish(void) {
    const char *wish = getenv("GRANDSTAND_TEST_KILL");
    if (!wish) return;
    size_t len = strcspn(wish, ":");
    long times = wish[len] ? strtol(wish + len + 1, NULL, 10) : 1;
    for (int i = 0; i < STEP_POINTS; i++)
        if (strlen(points[i].name) == len && !memcmp(points[i].name, wish, len)) deadly = i;
    if (deadly < 0) abort(); /* a test that kills nowhere would pass for nothing */
    atomic_store(&left, times > 0 ? times : 1);
}

void step_pass(enum step step) {
    pthread_once(&once, read_wish);
    if ((int)step == deadly && atomic_fetch_sub(&left, 1) == 1) raise(SIGKILL);
}
#endif
