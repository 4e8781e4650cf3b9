/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * assign.h: for this room: who is who, at the least total cost. */
#ifndef TRACK_ASSIGN_H
#define TRACK_ASSIGN_H

#include <stddef.h>

enum { ASSIGN_ROWS_MAX = 64, ASSIGN_COLUMNS_MAX = 128 };

/* Gives each row one column (rows <= columns) so that the sum of cost[row * columns + column] is least: the Hungarian method with potentials,
 * O(rows^2 columns). Costs are finite. */
void track_assign(const double *cost, size_t rows, size_t columns, int *column_of_row);

#endif
