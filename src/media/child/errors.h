/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * errors.h: what this room says goes wrong, for its own files. */
#ifndef CHILD_ERRORS_H
#define CHILD_ERRORS_H

#include "base/err.h"

struct err child_gone(void); /* with errno as it stands */
struct err child_unstarted(int sys);
struct err child_stalled(void);
struct err child_out_of_time(void);
struct err child_hostile(void);
struct err child_crashed(void);

#endif
