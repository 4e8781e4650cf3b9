// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Reads the text catalogue (text/*.json) and writes what the two sides of the house need of it.
//
//   node text/generate.mjs --check        refuses missing translations, differing parameters, unknown fields
//   node text/generate.mjs --c FILE       the table that src/text/text.c searches
//   node text/generate.mjs --ts FOLDER    keys.ts (codes and their parameters, typed) and a module for each language and group
//
// Each file is one object: code -> {en, de, zh, th, about?}. A text is a string with {parameters}; one that counts is
// {one, other} in English and German and {other} in Chinese and Thai, and has the parameter {count}. `about` tells the
// translator what the text is for. errors.json is what the server says; the pages get everything but that, because an
// error arrives with its sentence in the reader's language.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.dirname(fileURLToPath(import.meta.url));
const languages = ['en', 'de', 'zh', 'th'];
const formsOf = { en: ['one', 'other'], de: ['one', 'other'], zh: ['other'], th: ['other'] };
const serverOnly = new Set(['access.json', 'books.json', 'countries.json', 'deals.json', 'errors.json', 'mail.json', 'offer.json', 'pay.json', 'report.json']);
/** What a visitor reads at once, and what comes with the pages of an account and of the box office. All other files are the operator's. */
const groupOf = (file) => ({ 'pages.json': 'first', 'live.json': 'first', 'sale.json': 'first', 'account.json': 'account', 'shop.json': 'shop' })[file] ?? 'operator';
const groups = ['first', 'account', 'shop', 'operator'];

const parametersOf = (text) => [...text.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]);
const formTexts = (text) => (typeof text === 'string' ? [text] : Object.values(text));

/** Everything that is wrong with one entry, as sentences. */
function faultsOf(code, entry) {
    const faults = [];
    if (!/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$/.test(code)) faults.push('the code must look like area.reason');
    for (const field of Object.keys(entry))
        if (field !== 'about' && !languages.includes(field)) faults.push(`unknown field "${field}"`);
    const isCounting = typeof entry.en === 'object';
    const wanted = new Set(formTexts(entry.en ?? '').flatMap(parametersOf));
    if (isCounting && !wanted.has('count')) faults.push('a text with forms needs the parameter {count}');
    for (const language of languages) {
        const text = entry[language];
        if (text === undefined) {
            faults.push(`${language} is missing`);
            continue;
        }
        if ((typeof text === 'object') !== isCounting) faults.push(`${language}: forms in one language and not in another`);
        if (typeof text === 'object' && Object.keys(text).join() !== formsOf[language].join())
            faults.push(`${language}: the forms must be ${formsOf[language].join(', ')}`);
        for (const form of formTexts(text)) {
            if (typeof form !== 'string' || form.trim() === '' || form !== form.trim())
                faults.push(`${language}: empty, or blanks around it`);
            else if (/[{}]/.test(form.replace(/\{[a-z][a-z0-9_]*\}/g, ''))) faults.push(`${language}: a stray brace`);
        }
        const has = new Set(formTexts(text).flatMap(parametersOf));
        for (const name of wanted) if (!has.has(name)) faults.push(`${language}: the parameter {${name}} is missing`);
        for (const name of has) if (!wanted.has(name)) faults.push(`${language}: {${name}} is not in English`);
    }
    return faults;
}

function readCatalogue() {
    const entries = new Map(); // code -> {entry, file}
    const faults = [];
    for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.json')).sort()) {
        let object;
        try {
            object = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
        } catch (error) {
            faults.push(`${file}: ${error.message}`);
            continue;
        }
        for (const [code, entry] of Object.entries(object)) {
            for (const fault of faultsOf(code, entry)) faults.push(`${file}: ${code}: ${fault}`);
            if (entries.has(code)) faults.push(`${file}: ${code}: also in ${entries.get(code).file}`);
            entries.set(code, { entry, file });
        }
    }
    if (faults.length) {
        for (const fault of faults) console.error(`text/${fault}`);
        process.exit(1);
    }
    // Bytewise, as the C side's binary search compares; codes are ASCII.
    return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function writeC(entries, file) {
    // JSON's escapes \" \\ \n are C's too, and the catalogue is UTF-8 as the compiler reads it; a question mark is
    // escaped against trigraphs.
    const literal = (text) => (text === undefined ? 'NULL' : JSON.stringify(text).replaceAll('?', '\\?'));
    const lines = [];
    for (const [code, { entry }] of entries) {
        lines.push(`    {"${code}",`, '     {');
        for (const language of languages) {
            const text = entry[language];
            const forms = typeof text === 'string' ? { other: text } : text;
            lines.push(`         {${literal(forms.one)}, ${literal(forms.other)}},`);
        }
        lines.push('     }},');
    }
    const source = `/* Made by text/generate.mjs from the catalogue there. */
#include "text/table.h"

const struct text_entry text_table[] = {
${lines.join('\n')}
};
const size_t text_table_count = ${entries.size};
`;
    fs.writeFileSync(file, source);
}

/** Writes only what changed, so that a watching builder does not run in circles. */
function writeIfChanged(file, text) {
    if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) return;
    fs.writeFileSync(file, text);
}

function writeTypeScript(entries, out) {
    const ours = [...entries].filter(([, { file }]) => !serverOnly.has(file));
    fs.mkdirSync(out, { recursive: true });
    const head = '// Made by text/generate.mjs from text/*.json: change it there.\n';
    const keys = ours.map(([code, { entry }]) => {
        const names = [...new Set(formTexts(entry.en).flatMap(parametersOf))];
        const type = names.map((name) => `${name}: ${name === 'count' ? 'number' : 'string | number'}`).join('; ');
        return `    '${code}': ${names.length ? `{ ${type} }` : 'undefined'};`;
    });
    writeIfChanged(path.join(out, 'keys.ts'), `${head}export interface Texts {\n${keys.join('\n')}\n}\n`
        + `export type Catalogue = Record<keyof Texts, string | { one?: string; other: string }>;\n`);
    const written = new Set(['keys.ts']);
    for (const language of languages) {
        for (const group of groups) {
            const table = Object.fromEntries(ours.filter(([, { file }]) => groupOf(file) === group).map(([code, { entry }]) => [code, entry[language]]));
            written.add(`${language}.${group}.ts`);
            writeIfChanged(path.join(out, `${language}.${group}.ts`),
                `${head}import type { Catalogue } from './keys';\n\nexport default ${JSON.stringify(table, null, 4)} satisfies Partial<Catalogue>;\n`);
        }
    }
    for (const name of fs.readdirSync(out)) if (!written.has(name) && /^(?:keys|[a-z]{2}(?:\.\w+)?)\.ts$/.test(name)) fs.rmSync(path.join(out, name));
}

const [what, target] = process.argv.slice(2);
const entries = readCatalogue();
if (what === '--check') console.log(`text: ${entries.size} texts in ${languages.length} languages`);
else if (what === '--c' && target) writeC(entries, target);
else if (what === '--ts' && target) writeTypeScript(entries, target);
else {
    console.error('usage: node text/generate.mjs --check | --c FILE | --ts FOLDER');
    process.exit(2);
}
