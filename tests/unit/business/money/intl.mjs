// SPDX-License-Identifier: AGPL-3.0-or-later
// Makes intl.tbl.h, what Intl prints: node tests/unit/business/money/intl.mjs > tests/unit/business/money/intl.tbl.h
const currencies = { EUR: 2, USD: 2, CNY: 2, THB: 2, JPY: 0, KWD: 3, GBP: 2, CHF: 2, XPF: 0, XOF: 0, BRL: 2, INR: 2, KRW: 0, HKD: 2, AUD: 2, XCG: 2, CLF: 4, ISK: 0, IQD: 3, SEK: 2 };
const amounts = ['0', '-5', '99', '100', '129900', '-1234567890', '9007199254740991'];
console.log(`/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * intl.tbl.h: amounts as Intl.NumberFormat prints them (ICU ${process.versions.icu}); made by intl.mjs. INTL(language, currency, minor units, text) */`);
for (const language of ['en', 'de', 'zh', 'th'])
    for (const [currency, digits] of Object.entries(currencies))
        for (const amount of amounts) {
            const sign = amount.startsWith('-') ? '-' : '', size = amount.replace('-', '').padStart(digits + 1, '0');
            const text = sign + size.slice(0, size.length - digits) + (digits ? '.' + size.slice(-digits) : ''); // Intl takes decimals as text, exactly
            const format = new Intl.NumberFormat(language, { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
            console.log(`INTL("${language}", "${currency}", ${amount}, "${format.format(text)}")`);
        }
