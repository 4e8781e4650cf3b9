/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The contracts of the example. */
#include "example/contracts.h"

const struct example_party example_parties[] = {
    {"chao-phraya", "Chao Phraya Pictures", "TH"},
    {"lion-city", "Lion City Broadcast", "SG"},
    {"alpensport", "Alpensport TV", "AT"},
    {"pacific", "Pacific Screens", "US"},
};
const size_t example_party_count = sizeof example_parties / sizeof *example_parties;

const struct example_deal example_deals[] = {
    {"ELBE-OWN", "own", NULL, "active", NULL, true},
    {"CPP-2026-01", "in", "chao-phraya", "active", NULL, true},
    {"ALP-2026-02", "in", "alpensport", "active", NULL, false},
    {"ELBE-CPP-03", "out", "chao-phraya", "active", NULL, false},
    {"ELBE-ALP-04", "out", "alpensport", "suspended", NULL, false},
    {"LCB-2026-05", "out", "lion-city", "active", "CPP-2026-01", false},
    {"PAC-2027-06", "out", "pacific", "draft", NULL, false},
    {"ALP-2025-07", "in", "alpensport", "terminated", NULL, false},
};
const size_t example_deal_count = sizeof example_deals / sizeof *example_deals;

#define WORLDWIDE "WORLD", "all", "", -365, EXAMPLE_ENDLESS, false, true

const struct example_line example_lines[] = {
    /* our own productions */
    {"ELBE-OWN", "lanes", "allow", WORLDWIDE, "Own production"},
    {"ELBE-OWN", "breath", "allow", WORLDWIDE, "Own production"},
    {"ELBE-OWN", "clips", "allow", "WORLD", "free,advertising,clip,download", "", -365, EXAMPLE_ENDLESS, false, true, "To be shown around"},
    {"ELBE-OWN", "forty-two", "allow", "WORLD", "rental,purchase", "", -30, EXAMPLE_ENDLESS, false, true, "First to rent and to buy"},
    {"ELBE-OWN", "forty-two", "allow", "WORLD", "subscription", "", 60, EXAMPLE_ENDLESS, false, true, "In the subscription two months later"},
    {"ELBE-OWN", "sea-room", "allow", "WORLD", "subscription,rental,purchase,download", "", -120, EXAMPLE_ENDLESS, false, true, "Own production"},
    {"ELBE-OWN", "sea-room", "holdback", "FR,IT,ES,PT", "subscription", "", -120, 90, false, false, "Held back until it has been in cinemas there"},
    {"ELBE-OWN", "first-line", "allow", "WORLD", "subscription,purchase", "", -200, EXAMPLE_ENDLESS, false, true, "Own production"},
    {"ELBE-OWN", "eleven", "allow", WORLDWIDE, "Own production"},
    {"ELBE-OWN", "eleven", "blackout", "TH", "free,advertising,subscription,rental", "", -10, 50, false, false, "While the league plays, its home shows nothing else of it"},
    {"ELBE-OWN", "eleven", "blackout", "GB-ENG", "all", "", -10, 50, false, false, "Stadium rule of one country within another"},
    /* what the house in Bangkok gives us */
    {"CPP-2026-01", "wet-line", "allow", "WORLD,-US", "subscription,rental,linear", "", -200, 900, false, true, "All but the United States"},
    {"CPP-2026-01", "last-circle", "allow", "DE,AT,CH,LI,LU", "subscription,rental", "", -150, 580, true, false, "Ours alone where German is spoken"},
    {"CPP-2026-01", "the-understudy", "allow", "WORLD,-CN", "subscription,rental,purchase", "", -90, 640, false, false, "Not for China"},
    {"CPP-2026-01", "colour-of-a-crowd", "allow", "WORLD", "free,advertising,subscription", "", -300, 1000, false, true, "To be given away"},
    {"CPP-2026-01", "curtain", "allow", "WORLD,-TH,-LA", "subscription", "", -20, 345, false, false, "Everywhere but at home"},
    {"ALP-2026-02", "overhang", "allow", "DE,AT,CH,IT,FR,SI", "subscription,catch_up", "", -345, 20, false, false, "Leaves soon"},
    /* what we give */
    {"ELBE-CPP-03", "lanes", "allow", "TH,LA,KH,MM,VN", "subscription", "", -60, 670, true, false, "Theirs alone around the Mekong"},
    {"ELBE-ALP-04", "first-line", "allow", "AT,CH", "linear,catch_up", "de", -60, 305, false, false, "Suspended: an invoice is open"},
    {"LCB-2026-05", "wet-line", "allow", "SG,MY,BN", "subscription,linear", "en,zh", -30, 335, false, false, "Passed on with Bangkok's consent"},
    {"PAC-2027-06", "lanes", "allow", "WORLD", "subscription", "", 40, 770, true, false, "Asked for; cannot be given as long as ELBE-CPP-03 stands"},
    {"ALP-2025-07", "first-line", "allow", "AT", "live,catch_up", "de", -700, 30, false, false, "Ended early by both"},
};
const size_t example_line_count = sizeof example_lines / sizeof *example_lines;

const struct example_rating example_ratings[] = {
    {"lanes-sprint", "FSK", "0"}, {"lanes-swim", "FSK", "0"}, {"lanes-boards", "FSK", "6"}, {"forty-two", "FSK", "0"}, {"wet-line", "FSK", "12"},
    {"sea-room", "FSK", "6"}, {"first-line", "FSK", "6"}, {"overhang", "FSK", "6"}, {"eleven", "FSK", "0"}, {"last-circle", "FSK", "16"},
    {"the-understudy", "FSK", "18"}, {"colour-of-a-crowd", "FSK", "0"}, {"lanes", "FSK", "0"}, {"breath", "FSK", "0"}, {"curtain", "FSK", "12"},
    {"curtain-bow", "FSK", "12"}, {"curtain-thread", "FSK", "12"}, {"curtain-animal", "FSK", "12"}, {"breath-lights", "FSK", "6"}, {"breath-bass", "FSK", "12"},
};
const size_t example_rating_count = sizeof example_ratings / sizeof *example_ratings;

const char *const example_free[] = {"lanes-sprint", "colour-of-a-crowd", "breath-gun", "eleven"};
const size_t example_free_count = sizeof example_free / sizeof *example_free;

/* Nobody of these exists: names of a small cast that paints and plays all of it. */
const struct example_credit example_credits[] = {
    {"lanes-sprint", "director", NULL, {"Mara Lindqvist", "Mara Lindqvist", "玛拉·林德奎斯特", "มารา ลินด์ควิสต์"}},
    {"lanes-swim", "director", NULL, {"Mara Lindqvist", "Mara Lindqvist", "玛拉·林德奎斯特", "มารา ลินด์ควิสต์"}},
    {"lanes-boards", "director", NULL, {"Jonas Behrend", "Jonas Behrend", "约纳斯·贝伦德", "โยนาส เบเรนด์"}},
    {"forty-two", "director", NULL, {"Jonas Behrend", "Jonas Behrend", "约纳斯·贝伦德", "โยนาส เบเรนด์"}},
    {"sea-room", "director", NULL, {"Elin Haugen", "Elin Haugen", "埃琳·豪根", "เอลิน เฮาเก้น"}},
    {"first-line", "director", NULL, {"Elin Haugen", "Elin Haugen", "埃琳·豪根", "เอลิน เฮาเก้น"}},
    {"overhang", "director", NULL, {"Elin Haugen", "Elin Haugen", "埃琳·豪根", "เอลิน เฮาเก้น"}},
    {"eleven", "director", NULL, {"Jonas Behrend", "Jonas Behrend", "约纳斯·贝伦德", "โยนาส เบเรนด์"}},
    {"wet-line", "director", NULL, {"Ananda Srisuk", "Ananda Srisuk", "阿南达·西素", "อานันดา ศรีสุข"}},
    {"last-circle", "director", NULL, {"Li Wanqing", "Li Wanqing", "李晚晴", "หลี่ หว่านฉิง"}},
    {"the-understudy", "director", NULL, {"Ananda Srisuk", "Ananda Srisuk", "阿南达·西素", "อานันดา ศรีสุข"}},
    {"the-understudy", "cast", "The puppet", {"Nok", "Nok", "诺克", "นก"}},
    {"curtain", "cast", "The puppet", {"Nok", "Nok", "诺克", "นก"}},
    {"colour-of-a-crowd", "director", NULL, {"Li Wanqing", "Li Wanqing", "李晚晴", "หลี่ หว่านฉิง"}},
    {"lanes-sprint", "music", NULL, {"Tobias Rehm", "Tobias Rehm", "托比亚斯·雷姆", "โทเบียส เรห์ม"}},
    {"wet-line", "music", NULL, {"Tobias Rehm", "Tobias Rehm", "托比亚斯·雷姆", "โทเบียส เรห์ม"}},
};
const size_t example_credit_count = sizeof example_credits / sizeof *example_credits;

const struct example_collection example_collections[] = {
    {"shelf-water", {"Water", "Wasser", "水", "น้ำ"},
     {"Still, salted, falling: films that get wet.", "Still, salzig, fallend: Filme, die nass werden.", "静止的、咸涩的、坠落的：会打湿你的影片。", "นิ่ง เค็ม ร่วงหล่น ภาพยนตร์ที่เปียกปอน"},
     {"lanes-swim", "sea-room", "wet-line", "breath-third", "breath-downhill"}},
    {"shelf-night", {"After Dark", "Nach Einbruch der Dunkelheit", "入夜之后", "หลังพลบค่ำ"},
     {"Floodlights, footlights, headlights.", "Flutlicht, Rampenlicht, Scheinwerfer.", "泛光灯、脚灯、车灯。", "ไฟสนาม ไฟเวที ไฟหน้า"},
     {"lanes-sprint", "last-circle", "the-understudy", "wet-line", "curtain-bow", "breath-bass"}},
    {"shelf-alone", {"Alone, Together", "Allein, gemeinsam", "独自，一起", "ลำพัง ด้วยกัน"},
     {"What one does, and what five thousand do.", "Was einer tut, und was fünftausend tun.", "一个人做的事，五千人做的事。", "สิ่งที่คนเดียวทำ และสิ่งที่ห้าพันคนทำ"},
     {"forty-two", "colour-of-a-crowd", "overhang", "eleven", "curtain-animal", "first-line"}},
};
const size_t example_collection_count = sizeof example_collections / sizeof *example_collections;

const struct example_row example_rows[] = {
    {"live", NULL, {"Live now", "Jetzt live", "正在直播", "กำลังถ่ายทอดสด"}},
    {"upcoming", NULL, {"Coming up", "Demnächst", "即将开始", "เร็ว ๆ นี้"}},
    {"free", NULL, {"Free to watch", "Kostenlos", "免费观看", "ดูฟรี"}},
    {"kind", "film", {"Films", "Filme", "电影", "ภาพยนตร์"}},
    {"collection", "shelf-night", {"After Dark", "Nach Einbruch der Dunkelheit", "入夜之后", "หลังพลบค่ำ"}},
    {"kind", "series", {"Series", "Serien", "剧集", "ซีรีส์"}},
    {"collection", "shelf-water", {"Water", "Wasser", "水", "น้ำ"}},
    {"kind", "clip", {"In eight seconds", "In acht Sekunden", "八秒之内", "ในแปดวินาที"}},
    {"collection", "shelf-alone", {"Alone, Together", "Allein, gemeinsam", "独自，一起", "ลำพัง ด้วยกัน"}},
};
const size_t example_row_count = sizeof example_rows / sizeof *example_rows;

const struct example_cut example_cuts[] = {
    {"clip-finish", "lanes-sprint"}, {"clip-wall", "lanes-swim"}, {"clip-pass", "wet-line"}, {"clip-spray", "sea-room"},
    {"clip-hands", "last-circle"}, {"clip-colour", "colour-of-a-crowd"}, {"clip-space", "eleven"}, {"clip-morning", "forty-two"},
};
const size_t example_cut_count = sizeof example_cuts / sizeof *example_cuts;
