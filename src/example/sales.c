/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Plans, prices and people of the example. */
#include "example/sales.h"

#define EURO "AT,BE,BG,CY,DE,EE,ES,FI,FR,GR,HR,IE,IT,LT,LU,LV,MT,NL,PT,SI,SK"
const char *const example_market_territories[EXAMPLE_MARKETS] = {
    "CN", EURO, "TH", "WORLD,-CN,-TH,-AT,-BE,-BG,-CY,-DE,-EE,-ES,-FI,-FR,-GR,-HR,-IE,-IT,-LT,-LU,-LV,-MT,-NL,-PT,-SI,-SK"};
const char *const example_market_currencies[EXAMPLE_MARKETS] = {"CNY", "EUR", "THB", "USD"};

const struct example_offer example_offers[] = {
    {"subscription", {"Monthly plan", "Monatsabo", "月度会员", "แพ็กเกจรายเดือน"},
     {"Everything in the plan, and two film vouchers each month.", "Alles im Abo, und jeden Monat zwei Filmgutscheine.", "会员内容全部可看，每月另赠两张观影券。", "ดูทุกเรื่องในแพ็กเกจ พร้อมบัตรชมภาพยนตร์เดือนละสองใบ"},
     {3900, 599, 19900, 699}, "all", {0}, "month", 7, 2, 0},
    {"subscription", {"Yearly plan", "Jahresabo", "年度会员", "แพ็กเกจรายปี"},
     {"A year for the price of ten months, and 48 film vouchers.", "Ein Jahr zum Preis von zehn Monaten, und 48 Filmgutscheine.", "一年只付十个月的价格，另赠 48 张观影券。", "หนึ่งปีในราคาสิบเดือน พร้อมบัตรชมภาพยนตร์ 48 ใบ"},
     {36500, 5900, 199000, 6900}, "all", {0}, "year", 0, 48, 0},
    {"rental", {"Rent", "Leihen", "租借", "เช่า"},
     {"Begin within 30 days, then watch for 48 hours.", "Binnen 30 Tagen beginnen, dann 48 Stunden ansehen.", "30 天内开始观看，开始后 48 小时有效。", "เริ่มดูภายใน 30 วัน แล้วดูได้ 48 ชั่วโมง"},
     {1200, 399, 7900, 449}, "all", {0}, NULL, 0, 0, 48},
    {"purchase", {"Buy", "Kaufen", "购买", "ซื้อ"},
     {"Yours for good.", "Bleibt dir.", "永久观看。", "เป็นของคุณตลอดไป"},
     {4800, 1199, 32900, 1299}, "all", {0}, NULL, 0, 0, 0},
    {"season_pass", {"All of Breath by Breath", "Atemzug um Atemzug, ganz", "《一呼一吸》全集", "ลมหายใจต่อลมหายใจ ทั้งชุด"},
     {"Each episode there is, and those to come.", "Jede Folge, auch die noch kommen.", "已有和即将上线的每一集。", "ทุกตอนที่มีและที่จะมา"},
     {2500, 799, 19900, 899}, "series", {"breath"}, NULL, 0, 0, 0},
    {"live_pass", {"Live ticket", "Live-Ticket", "直播票", "ตั๋วถ่ายทอดสด"},
     {"One event, live.", "Ein Ereignis, live.", "观看一场直播。", "ชมสดหนึ่งรายการ"},
     {1800, 499, 12900, 549}, "all", {0}, NULL, 0, 0, 0},
    {"bundle", {"Far out, twice", "Zweimal weit hinaus", "远行双片", "ออกไปไกล สองเรื่อง"},
     {"A marathon and an ocean, together.", "Ein Marathon und ein Meer, zusammen.", "一场马拉松与一片海洋，合购更省。", "มาราธอนและมหาสมุทร ซื้อคู่กัน"},
     {6800, 1799, 46900, 1999}, "titles", {"forty-two", "sea-room"}, NULL, 0, 0, 0},
    {"gift_card", {"Gift card", "Geschenkkarte", "礼品卡", "บัตรของขวัญ"},
     {"Credit for whoever you choose.", "Guthaben für wen du willst.", "送给任何人的余额。", "เครดิตสำหรับคนที่คุณเลือก"},
     {10000, 2500, 50000, 2500}, "all", {0}, NULL, 0, 0, 0},
};
const size_t example_offer_count = sizeof example_offers / sizeof *example_offers;

const struct example_coupon example_coupons[] = {
    {"PREMIERE20", 20, 0, NULL},
    {"WELCOME50", 50, 1, "Rent"},
};
const size_t example_coupon_count = sizeof example_coupons / sizeof *example_coupons;

/* Rates as of 2026, for the example; whoever sells looks them up. */
const struct example_tax example_taxes[] = {
    {"AT", 200000}, {"BE", 210000}, {"BG", 200000}, {"CH", 81000},  {"CN", 60000},  {"CY", 190000}, {"DE", 190000}, {"EE", 240000}, {"ES", 210000},
    {"FI", 255000}, {"FR", 200000}, {"GB", 200000}, {"GR", 240000}, {"HR", 250000}, {"IE", 230000}, {"IT", 220000}, {"LT", 210000}, {"LU", 170000},
    {"LV", 210000}, {"MT", 180000}, {"NL", 210000}, {"PT", 230000}, {"SG", 90000},  {"SI", 220000}, {"SK", 230000}, {"TH", 70000},  {"US", 0},
};
const size_t example_tax_count = sizeof example_taxes / sizeof *example_taxes;
const char *const example_seller_name = "Studio Elbe (example)", *const example_seller_address = "Am Sandtorkai 1\n20457 Hamburg", *const example_seller_tax_id = "DE000000000",
           *const example_seller_country = "DE";

const struct example_home example_homes[] = {
    {"DE", 30, EXAMPLE_DE, {"Brandt", "Hoffmann", "Krüger", "Schäfer", "Yılmaz", "Köhler"}},
    {"CN", 24, EXAMPLE_ZH, {"王", "李", "陈", "周", "林", "赵"}},
    {"TH", 20, EXAMPLE_TH, {"ศรีสุข", "ใจดี", "วงศ์ทอง", "แสงจันทร์", "บุญมี", "รุ่งเรือง"}},
    {"US", 10, EXAMPLE_EN, {"Miller", "Garcia", "Nguyen", "Okafor", "Reed", "Cohen"}},
    {"AT", 6, EXAMPLE_DE, {"Gruber", "Huber", "Steiner", "Moser", "Eder", "Novak"}},
    {"FR", 5, EXAMPLE_EN, {"Moreau", "Lefèvre", "Girard", "Diallo", "Roux", "Fontaine"}},
    {"SG", 5, EXAMPLE_EN, {"Tan", "Lim", "Kumar", "Ong", "Rahman", "Goh"}},
};
const size_t example_home_count = sizeof example_homes / sizeof *example_homes;
