/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>

#include "human/gait/gait.h"

static const char *const angle_names[GAIT_ANGLES] = {
#define SIDES_1(name) name, NULL,
#define SIDES_2(name) name "_l", name "_r",
#define ANGLE(id, name, sides, label) SIDES_##sides(name)
#include "human/gait/angles.tbl.h"
#undef ANGLE
};

static const struct {
    const char *name, *unit;
} measures[GAIT_MEASURES] = {
#define MEASURE(id, name, unit, digits) {name, unit},
#include "human/gait/measures.tbl.h"
#undef MEASURE
};

const char *gait_angle_name(size_t angle) { return angle < GAIT_ANGLES ? angle_names[angle] : NULL; }
const char *gait_measure_name(enum gait_measure m) { return (unsigned)m < GAIT_MEASURES ? measures[m].name : NULL; }
const char *gait_measure_unit(enum gait_measure m) { return (unsigned)m < GAIT_MEASURES ? measures[m].unit : NULL; }
