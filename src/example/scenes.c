/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Scenes: pieces of the films that stand for themselves, as clips or as episodes of two short series. They make the catalogue of the
 * example large enough to look for something in it, at a third of the painting. */
#include "example/film.h"

#define FILM(name) extern const struct film name;
#include "example/films.tbl.h"
#undef FILM

#define SCENE(of, start, length, still) .film = &(of), .from = (start), .poster_at = (still), .about.seconds = (length), .about.year = 2026

const struct scene scenes[] = {
    /* Breath by Breath, first season */
    {SCENE(film_sprint, 5.6, 8, 9.2), .about.name = "breath-gun", .about.series = "breath", .about.season = 1, .about.episode = 1, .about.genres = {"sport", "short"},
     .about.titles = {"Before the Gun", "Vor dem Schuss", "枪响之前", "ก่อนเสียงปืน"},
     .about.synopses = {"The longest second in athletics is the one in which nothing moves.", "Die längste Sekunde der Leichtathletik ist die, in der sich nichts bewegt.",
                        "田径场上最漫长的一秒，是一切静止的那一秒。", "วินาทีที่ยาวนานที่สุดในกรีฑา คือวินาทีที่ไม่มีสิ่งใดเคลื่อนไหว"}},
    {SCENE(film_swim, 4.6, 8, 10.4), .about.name = "breath-third", .about.series = "breath", .about.season = 1, .about.episode = 2, .about.genres = {"sport", "short"},
     .about.titles = {"Every Third Stroke", "Jeder dritte Zug", "每划三次", "ทุกสามจังหวะ"},
     .about.synopses = {"Air is a matter of counting to three.", "Luft ist eine Frage des Zählens bis drei.", "呼吸，不过是数到三。", "อากาศเป็นเรื่องของการนับถึงสาม"}},
    {SCENE(film_climb, 7.6, 8, 12.2), .about.name = "breath-rest", .about.series = "breath", .about.season = 1, .about.episode = 3, .about.genres = {"sport", "short"},
     .about.titles = {"Nowhere to Rest", "Kein Platz zum Ausruhen", "无处可歇", "ไม่มีที่ให้พัก"},
     .about.synopses = {"How to hang from two fingers and think of something else.", "Wie man an zwei Fingern hängt und an etwas anderes denkt.",
                        "如何用两根手指悬挂，心里想着别的事。", "วิธีห้อยตัวด้วยสองนิ้วแล้วคิดถึงเรื่องอื่น"}},
    {SCENE(film_slope, 9.0, 8, 14.0), .about.name = "breath-edge", .about.series = "breath", .about.season = 1, .about.episode = 4, .about.genres = {"sport", "nature", "short"},
     .about.titles = {"Edges", "Kanten", "板刃", "คมสกี"},
     .about.synopses = {"Two steel edges, one slope, and no second try.", "Zwei Stahlkanten, ein Hang, kein zweiter Versuch.", "两条钢刃，一面雪坡，没有第二次机会。",
                        "คมเหล็กสองข้าง ลาดเขาหนึ่งลูก และไม่มีโอกาสครั้งที่สอง"}},
    {SCENE(film_marathon, 16.6, 8, 21.5), .about.name = "breath-thirty", .about.series = "breath", .about.season = 1, .about.episode = 5, .about.genres = {"sport", "short"},
     .about.titles = {"After Thirty", "Nach dreißig", "三十公里之后", "หลังกิโลเมตรที่สามสิบ"},
     .about.synopses = {"The talking stops. The running does not.", "Das Reden hört auf. Das Laufen nicht.", "交谈停了，脚步没有停。", "เสียงคุยหยุดลง แต่ฝีเท้าไม่หยุด"}},
    {SCENE(film_sail, 19.2, 7.6, 24.6), .about.name = "breath-downhill", .about.series = "breath", .about.season = 1, .about.episode = 6, .about.genres = {"sport", "nature", "short"},
     .about.titles = {"Downhill Sea", "Meer bergab", "下坡的海", "ทะเลลาดลง"},
     .about.synopses = {"The kite goes up, and the whole sea tilts.", "Der Spinnaker steigt, und das ganze Meer kippt.", "球帆升起，整片大海随之倾斜。",
                        "ใบบอลลูนกางขึ้น แล้วทะเลทั้งผืนก็เอียงตาม"}},
    /* second season */
    {SCENE(film_boards, 18.4, 8, 22.0), .about.name = "breath-bell", .about.series = "breath", .about.season = 2, .about.episode = 1, .about.genres = {"sport", "short"},
     .about.titles = {"The Bell", "Die Glocke", "最后一圈铃", "ระฆังรอบสุดท้าย"},
     .about.synopses = {"One lap left, and eight wheels that have agreed on everything.", "Noch eine Runde, und acht Räder, die sich über alles einig sind.",
                        "还剩一圈，八只轮子心意相通。", "เหลืออีกหนึ่งรอบ กับแปดล้อที่ใจตรงกันทุกอย่าง"}},
    {SCENE(film_race, 9.4, 8, 15.0), .about.name = "breath-lights", .about.series = "breath", .about.season = 2, .about.episode = 2, .about.genres = {"sport", "action", "short"},
     .about.titles = {"Believe the Lights", "Glaub den Lichtern", "相信灯光", "เชื่อแสงไฟ"},
     .about.synopses = {"At two hundred in the rain you drive by faith.", "Bei zweihundert im Regen fährt man auf Glauben.", "雨中时速两百，全凭信念。",
                        "ที่สองร้อยกลางสายฝน คุณขับด้วยศรัทธา"}},
    {SCENE(film_eleven, 14.8, 8.6, 16.4), .about.name = "breath-line", .about.series = "breath", .about.season = 2, .about.episode = 3, .about.genres = {"sport", "short"},
     .about.titles = {"A Line and Nobody on It", "Eine Linie, und niemand darauf", "无人的线", "เส้นที่ไม่มีใครยืน"},
     .about.synopses = {"The goal is scored two passes earlier.", "Das Tor fällt zwei Pässe früher.", "进球，其实发生在两次传球之前。", "ประตูเกิดขึ้นตั้งแต่สองจังหวะก่อนหน้า"}},
    {SCENE(film_arena, 14.8, 8.8, 18.0), .about.name = "breath-bass", .about.series = "breath", .about.season = 2, .about.episode = 4, .about.genres = {"sport", "action", "short"},
     .about.titles = {"When the Bass Drops Out", "Wenn der Bass aussetzt", "低音骤停", "เมื่อเสียงเบสหายไป"},
     .about.synopses = {"Twelve thousand people forget to breathe at once.", "Zwölftausend Menschen vergessen gleichzeitig das Atmen.", "一万两千人同时忘记了呼吸。",
                        "คนหนึ่งหมื่นสองพันลืมหายใจพร้อมกัน"}},
    /* Curtain */
    {SCENE(film_puppet, 6.8, 8, 11.0), .about.name = "curtain-bow", .about.series = "curtain", .about.season = 1, .about.episode = 1, .about.genres = {"drama", "short"},
     .about.titles = {"Somebody Else's Bow", "Die Verbeugung der anderen", "别人的谢幕", "คำโค้งของคนอื่น"},
     .about.synopses = {"She knew all the steps. The applause knew another name.", "Sie konnte alle Schritte. Der Applaus kannte einen anderen Namen.",
                        "她记得所有舞步，掌声却只认得另一个名字。", "เธอจำได้ทุกก้าว แต่เสียงปรบมือจำชื่ออื่น"}},
    {SCENE(film_puppet, 18.4, 8.4, 23.4), .about.name = "curtain-thread", .about.series = "curtain", .about.season = 1, .about.episode = 2, .about.genres = {"drama", "short"},
     .about.titles = {"One Thread, Then All", "Ein Faden, dann alle", "一线，而后万线", "ด้ายหนึ่งเส้น แล้วทุกเส้น"},
     .about.synopses = {"What holds you up also holds you.", "Was dich hält, hält dich auch fest.", "撑住你的，也束缚着你。", "สิ่งที่พยุงคุณไว้ ก็ผูกคุณไว้เช่นกัน"}},
    {SCENE(film_crowd, 4.6, 8.6, 10.0), .about.name = "curtain-animal", .about.series = "curtain", .about.season = 1, .about.episode = 3, .about.genres = {"drama", "sport", "short"},
     .about.titles = {"One Animal", "Ein einziges Tier", "一个生命", "สัตว์ตัวเดียวกัน"},
     .about.synopses = {"The audience is the oldest actor in the house.", "Das Publikum ist der älteste Schauspieler im Haus.", "观众，是剧场里最老的演员。",
                        "ผู้ชมคือนักแสดงที่แก่ที่สุดในโรง"}},
    /* clips: what is shown to those who have not decided yet */
    {SCENE(film_sprint, 14.0, 8, 18.0), .about.name = "clip-finish", .about.is_clip = true, .about.genres = {"sport"},
     .about.titles = {"Ten Seconds: The Finish", "Zehn Sekunden: Das Ziel", "《十秒》终点片段", "สิบวินาที: เส้นชัย"},
     .about.synopses = {"The last metres, once more.", "Die letzten Meter, noch einmal.", "再看一遍最后几米。", "เมตรสุดท้ายอีกครั้ง"}},
    {SCENE(film_swim, 14.0, 8.2, 17.4), .about.name = "clip-wall", .about.is_clip = true, .about.genres = {"sport"},
     .about.titles = {"Blue Between: Hand and Wall", "Das Blau dazwischen: Hand und Wand", "《水线之间》触壁片段", "สีฟ้าระหว่างทุ่น: มือกับกำแพง"},
     .about.synopses = {"A hundredth of a second, seen from below.", "Eine Hundertstelsekunde, von unten gesehen.", "从水下看百分之一秒。", "หนึ่งในร้อยวินาที มองจากใต้น้ำ"}},
    {SCENE(film_race, 17.4, 7, 21.0), .about.name = "clip-pass", .about.is_clip = true, .about.genres = {"sport", "action"},
     .about.titles = {"Wet Line: One More Car", "Nasse Linie: Noch ein Wagen", "《雨中赛线》超车片段", "ไลน์เปียก: อีกหนึ่งคัน"},
     .about.synopses = {"The overtaking that decided the night.", "Das Überholmanöver, das die Nacht entschied.", "决定那一夜胜负的超车。", "การแซงที่ตัดสินค่ำคืนนั้น"}},
    {SCENE(film_sail, 8.6, 8, 14.0), .about.name = "clip-spray", .about.is_clip = true, .about.genres = {"sport", "nature"},
     .about.titles = {"Sea Room: The Wind Asks Again", "Seeraum: Der Wind fragt noch einmal", "《海上余地》风再次发问", "ที่ว่างกลางทะเล: ลมถามอีกครั้ง"},
     .about.synopses = {"Spray on the deck, and a decision.", "Gischt an Deck, und eine Entscheidung.", "浪花扑上甲板，必须作出决定。", "ละอองคลื่นบนดาดฟ้า กับการตัดสินใจ"}},
    {SCENE(film_arena, 4.6, 8, 9.0), .about.name = "clip-hands", .about.is_clip = true, .about.genres = {"sport", "action"},
     .about.titles = {"Last Circle: Their Hands", "Der letzte Kreis: Ihre Hände", "《最后一圈》双手片段", "วงสุดท้าย: มือของพวกเขา"},
     .about.synopses = {"Two all, one round left.", "Zwei zu zwei, noch eine Runde.", "二比二，还剩一局。", "สองต่อสอง เหลืออีกหนึ่งรอบ"}},
    {SCENE(film_crowd, 17.6, 8, 21.6), .about.name = "clip-colour", .about.is_clip = true, .about.genres = {"sport"},
     .about.titles = {"Colour of a Crowd: Nobody Chose It", "Farbe einer Menge: Niemand wählte sie", "《人群的颜色》无人挑选的颜色", "สีของฝูงชน: ไม่มีใครเลือก"},
     .about.synopses = {"The wave comes round.", "Die Welle kommt herum.", "人浪再次涌来。", "คลื่นผู้ชมวนกลับมา"}},
    {SCENE(film_eleven, 3.8, 8, 9.0), .about.name = "clip-space", .about.is_clip = true, .about.genres = {"sport"},
     .about.titles = {"Eleven: Who Owns the Space", "Elf: Wem der Raum gehört", "《十一人》空间归谁", "สิบเอ็ด: พื้นที่เป็นของใคร"},
     .about.synopses = {"A football lesson in eight seconds.", "Eine Fußballstunde in acht Sekunden.", "八秒钟的足球课。", "บทเรียนฟุตบอลในแปดวินาที"}},
    {SCENE(film_marathon, 4.6, 8, 11.0), .about.name = "clip-morning", .about.is_clip = true, .about.genres = {"sport"},
     .about.titles = {"Forty-Two: The City Gives Its Streets Away", "Zweiundvierzig: Die Stadt verschenkt ihre Straßen", "《四十二公里》让路的城市", "สี่สิบสอง: เมืองยกถนนให้"},
     .about.synopses = {"The first kilometres, before it hurts.", "Die ersten Kilometer, bevor es wehtut.", "疼痛来临之前的最初几公里。", "กิโลเมตรแรก ๆ ก่อนจะเริ่มเจ็บ"}},
};
const size_t scene_count = sizeof scenes / sizeof *scenes;
