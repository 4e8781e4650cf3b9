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
            "A line on the ground, in the water, on wood: three films about people who stay between two of them, and about the few seconds for which they trained a thousand days.",
            "Eine Linie am Boden, im Wasser, auf Holz: drei Filme über Menschen, die zwischen zweien davon bleiben, und über die wenigen Sekunden, für die sie tausend Tage geübt haben.",
            "地面上的线，水中的线，木板上的线。三部短片，讲述在两条线之间奋力前行的人，以及他们苦练千日只为的那几秒钟。",
            "เส้นบนพื้น เส้นในน้ำ และเส้นบนไม้ ภาพยนตร์สั้นสามตอนว่าด้วยผู้คนที่อยู่ระหว่างเส้นสองเส้น กับไม่กี่วินาทีที่พวกเขาฝึกซ้อมมานับพันวัน",
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
