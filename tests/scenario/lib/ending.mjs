// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What a test leaves behind when it ends. node:test runs the ends in the order in which they were asked for, and none after one that
// failed: a folder would go before the server that writes in it, and the server would stay.

const ends = new WeakMap(); // of a test's context

/** Runs `end` when the test `t` is over: what began last ends first, and each of them whatever becomes of the others. */
export function ending(t, end) {
    if (ends.has(t)) return void ends.get(t).push(end);
    const all = [end];
    ends.set(t, all);
    t.after(async () => {
        const errors = [];
        for (let one; (one = all.pop()); )
            try {
                await one();
            } catch (error) {
                errors.push(error);
            }
        if (errors.length) throw errors[0];
    });
}
