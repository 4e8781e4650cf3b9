/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/track/assign.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

void track_assign(const double *cost, size_t rows, size_t columns, int *column_of_row) {
    enum { N = ASSIGN_COLUMNS_MAX + 2 };
    assert(rows <= columns && rows <= ASSIGN_ROWS_MAX && columns <= ASSIGN_COLUMNS_MAX);
    double u[N] = {0}, v[N] = {0}, least[N];
    size_t row_of[N] = {0}, way[N];
    bool used[N];
    for (size_t i = 1; i <= rows; i++) {
        row_of[0] = i;
        size_t j0 = 0;
        for (size_t j = 0; j <= columns; j++) least[j] = INFINITY, used[j] = false;
        do {
            used[j0] = true;
            size_t i0 = row_of[j0], j1 = 0;
            double delta = INFINITY;
            for (size_t j = 1; j <= columns; j++) {
                if (used[j]) continue;
                double current = cost[(i0 - 1) * columns + j - 1] - u[i0] - v[j];
                if (current < least[j]) least[j] = current, way[j] = j0;
                if (least[j] < delta) delta = least[j], j1 = j;
            }
            for (size_t j = 0; j <= columns; j++) {
                if (used[j]) u[row_of[j]] += delta, v[j] -= delta;
                else least[j] -= delta;
            }
            j0 = j1;
        } while (row_of[j0]);
        do {
            size_t j1 = way[j0];
            row_of[j0] = row_of[j1], j0 = j1;
        } while (j0);
    }
    for (size_t i = 0; i < rows; i++) column_of_row[i] = -1;
    for (size_t j = 1; j <= columns; j++) {
        if (row_of[j]) column_of_row[row_of[j] - 1] = (int)j - 1;
    }
}
