/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/child/errors.h"

#include <errno.h>

struct err child_gone(void) { return (struct err){.kind = ERR_IO, .sys = errno, .code = "child.ended", .what = "The process that reads media ended unexpectedly. Try again."}; }
struct err child_unstarted(int sys) {
    return (struct err){.kind = ERR_IO, .sys = sys, .code = "child.start", .what = "The process that reads media could not be started. `grandstand doctor` tells why."};
}
struct err child_stalled(void) { return err_make(ERR_LIMIT, "child.stalled", "The process that reads media stopped taking what it was given, so it was ended."); }
struct err child_out_of_time(void) { return err_make(ERR_LIMIT, "child.time", "Reading the media took longer than it may."); }
struct err child_hostile(void) {
    return err_make(ERR_INPUT, "child.hostile", "The media made its reader break the rules, so the reader was stopped. It may be made to do harm.");
}
struct err child_crashed(void) { return err_make(ERR_INPUT, "child.crashed", "The reader of the media crashed: it is badly damaged, or made to do harm."); }
