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
const size_t film_count = sizeof films / sizeof *films;

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
    {
        .name = "breath",
        .titles = {"Breath by Breath", "Atemzug um Atemzug", "一呼一吸", "ลมหายใจต่อลมหายใจ"},
        .synopses = {
            "Eight seconds each: the moment before, the moment in the middle, the moment after. A series for people who have no time, about people who have even less.",
            "Je acht Sekunden: der Augenblick davor, mittendrin, danach. Eine Serie für Leute ohne Zeit über Leute, die noch weniger davon haben.",
            "每集八秒：之前的瞬间，当中的瞬间，之后的瞬间。献给没有时间的人，讲述时间更少的人。",
            "ตอนละแปดวินาที ชั่วขณะก่อนหน้า ระหว่าง และหลังจากนั้น ซีรีส์สำหรับคนไม่มีเวลา ว่าด้วยคนที่มีเวลาน้อยยิ่งกว่า",
        },
        .genres = {"sport", "short"},
        .year = 2026,
    },
    {
        .name = "curtain",
        .titles = {"Curtain", "Vorhang", "幕起幕落", "ม่าน"},
        .synopses = {
            "Three short pieces from the stages of Bangkok: who stands in the light, who holds the threads, and who claps.",
            "Drei kurze Stücke von den Bühnen Bangkoks: wer im Licht steht, wer die Fäden hält und wer klatscht.",
            "来自曼谷舞台的三段短片：谁站在灯下，谁握着线，谁在鼓掌。",
            "สามเรื่องสั้นจากเวทีในกรุงเทพฯ ใครยืนอยู่ในแสง ใครถือเส้นด้าย และใครปรบมือ",
        },
        .genres = {"drama", "short"},
        .year = 2026,
    },
};
const size_t example_series_count = sizeof series / sizeof *series;

size_t example_film_count(void) { return film_count + scene_count; }
const struct example_about *example_film(size_t index) { return index < film_count ? &films[index]->about : &scenes[index - film_count].about; }
struct film film_at(size_t index) {
    if (index < film_count) return *films[index];
    const struct scene *scene = &scenes[index - film_count];
    struct film own = *scene->film;
    own.film_seconds = own.about.seconds;
    own.about = scene->about;
    own.from = scene->from;
    own.poster.at = scene->poster_at;
    own.poster.words = NULL;
    return own;
}
const struct example_about *example_series(size_t index) { return &series[index]; }

const char *example_language_code(enum example_language language) {
    static const char *const code[EXAMPLE_LANGUAGES] = {"en", "de", "zh", "th"};
    return code[language];
}
