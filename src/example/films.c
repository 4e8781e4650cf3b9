/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "example/film.h"

#define FILM(name) extern const struct film name;
#include "example/films.tbl.h"
#undef FILM

const struct film *const films[] = {
#define FILM(name) &name,
#include "example/films.tbl.h"
#undef FILM
};
const size_t example_film_count = sizeof films / sizeof *films;

static const struct example_about series[] = {
    {
        .name = "lanes",
        .titles = {"Lanes", "Bahnen", "赛道", "เลน"},
        .synopses = {
            "A line on the ground, a line in the water: films about people who stay between two of them, and about the few seconds for which they trained a thousand days.",
            "Eine Linie am Boden, eine Linie im Wasser: Filme über Menschen, die zwischen zweien davon bleiben, und über die wenigen Sekunden, für die sie tausend Tage geübt haben.",
            "地面上的线，水中的线。这些短片讲述在两条线之间奋力前行的人，以及他们苦练千日只为的那几秒钟。",
            "เส้นบนพื้นและเส้นในน้ำ ภาพยนตร์สั้นว่าด้วยผู้คนที่อยู่ระหว่างเส้นสองเส้น กับไม่กี่วินาทีที่พวกเขาฝึกซ้อมมานับพันวัน",
        },
        .genres = {"sport", "short"},
        .year = 2026,
    },
};
const size_t example_series_count = sizeof series / sizeof *series;

const struct example_about *example_film(size_t index) { return &films[index]->about; }
const struct example_about *example_series(size_t index) { return &series[index]; }

const char *example_language_code(enum example_language language) {
    static const char *const code[EXAMPLE_LANGUAGES] = {"en", "de", "zh", "th"};
    return code[language];
}
