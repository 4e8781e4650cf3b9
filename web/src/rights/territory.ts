// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Territories as contracts write them. The server's form is a comma list: codes of ISO 3166-1 ("DE") and ISO 3166-2 ("US-CA"), WORLD, and
// exclusions with a minus ("WORLD,-US"). People write names too, in any of the four languages, and groups: DACH, EU, ASEAN. A group is
// nothing but a way to write its members; what is stored is always the countries, so that a contract does not change when a union does.
import { countryCodes } from '../lib/countries';
import type { Texts } from '../generated/keys';
import { language, languages, t, type Language } from '../lib/text';

/** ISO 3166-1 alpha-2. */
export const countries = countryCodes;
const isCountry = new Set(countries);

const list = (text: string): readonly string[] => text.split(' ');
const eu = 'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE';
export const groups = {
    EU: list(eu),
    EEA: list(`${eu} IS LI NO`),
    DACH: list('DE AT CH'),
    BENELUX: list('BE NL LU'),
    NORDICS: list('DK FI IS NO SE FO GL AX'),
    BALTICS: list('EE LV LT'),
    IBERIA: list('ES PT AD GI'),
    UKI: list('GB IE GG JE IM'),
    CIS: list('AM AZ BY KG KZ MD RU TJ UZ'),
    BALKANS: list('AL BA BG HR GR ME MK RO RS SI'),
    ASEAN: list('BN ID KH LA MM MY PH SG TH VN TL'),
    GREATER_CHINA: list('CN HK MO TW'),
    SOUTH_ASIA: list('AF BD BT IN LK MV NP PK'),
    GCC: list('AE BH KW OM QA SA'),
    MENA: list('AE BH DZ EG IL IQ IR JO KW LB LY MA OM PS QA SA SY TN YE'),
    NORTH_AMERICA: list('US CA'),
    CENTRAL_AMERICA: list('BZ CR GT HN NI PA SV'),
    SOUTH_AMERICA: list('AR BO BR CL CO EC FK GF GY PE PY SR UY VE'),
    LATIN_AMERICA: list('AR BO BR BZ CL CO CR CU DO EC GT HN HT MX NI PA PE PR PY SV UY VE'),
    CARIBBEAN: list('AG AI AW BB BL BQ BS CU CW DM DO GD GP HT JM KN KY LC MF MQ MS PR SX TC TT VC VG VI'),
    SUB_SAHARAN_AFRICA: list('AO BF BI BJ BW CD CF CG CI CM CV DJ ER ET GA GH GM GN GQ GW KE KM LR LS MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TZ UG YT ZA ZM ZW'),
    OCEANIA: list('AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV VU WF WS'),
} as const;
export type Group = keyof typeof groups;
const groupCodes = Object.keys(groups) as Group[];
const groupKey = (group: Group): `territory.group_${Lowercase<Group>}` => `territory.group_${group.toLowerCase() as Lowercase<Group>}`;

/** The areas of ISO 3166-2 that contracts name most often; of every other one the country and the code are said. */
const areas = list('GB-ENG GB-SCT GB-WLS GB-NIR DE-BW DE-BY DE-BE DE-BB DE-HB DE-HH DE-HE DE-MV DE-NI DE-NW DE-RP DE-SL DE-SN DE-ST DE-SH DE-TH') as readonly Area[];
type AreaKey = Extract<keyof Texts, `territory.area_${string}_${string}`>;
type Area = AreaKey extends `territory.area_${infer C}_${infer A}` ? `${Uppercase<C>}-${Uppercase<A>}` : never;
const areaKey = (area: Area): AreaKey => `territory.area_${area.toLowerCase().replace('-', '_')}` as AreaKey;
const hasName = (code: string): code is Area => (areas as readonly string[]).includes(code);

/** Other ways to write a country than its name in four languages; already folded. */
const aliases: Record<string, string> = {
    uk: 'GB', 'great britain': 'GB', britain: 'GB', usa: 'US', 'u.s.': 'US', america: 'US', 'vereinigte staaten von amerika': 'US', holland: 'NL', burma: 'MM', 'ivory coast': 'CI',
    'cape verde': 'CV', swaziland: 'SZ', macedonia: 'MK', 'czech republic': 'CZ', 'tschechische republik': 'CZ', vatican: 'VA', turkey: 'TR', korea: 'KR', 'south korea': 'KR', 'north korea': 'KP',
    uae: 'AE', vae: 'AE', drc: 'CD', 'east timor': 'TL', 英国: 'GB', 美国: 'US', 韩国: 'KR', 台湾: 'TW', 香港: 'HK', 澳门: 'MO', อเมริกา: 'US', อังกฤษ: 'GB', เกาหลี: 'KR',
};

/** What stands between the names of a list. */
export const comma = (): string => (language() === 'zh' ? '、' : ', ');

const displayOf = (lang: string): Intl.DisplayNames => new Intl.DisplayNames([lang], { type: 'region', style: 'long', fallback: 'code' });
const displays = new Map<string, Intl.DisplayNames>();
function nameIn(code: string, lang: string): string {
    let display = displays.get(lang);
    if (!display) displays.set(lang, (display = displayOf(lang)));
    return display.of(code) ?? code;
}
/** A country or an area in the reader's language: "Germany", "Bavaria", "France (FR-IDF)". */
export function territoryName(code: string): string {
    if (code === 'WORLD') return t('territory.world');
    if (code in groups) return t(groupKey(code as Group));
    if (hasName(code)) return t(areaKey(code));
    const country = code.slice(0, 2);
    if (!isCountry.has(country)) return code;
    const name = nameIn(country, language());
    return code === country ? name : t('territory.area', { country: name, area: code });
}

/** Letters without marks, small: so "Türkei", "turkei" and "TÜRKEI" are one. */
export const fold = (text: string): string => text.normalize('NFKD').replace(/\p{M}+/gu, (marks) => (/[\u0E31-\u0E4E]/.test(marks) ? marks : '')).toLocaleLowerCase('en').replaceAll('ß', 'ss').replaceAll('’', "'").trim();

interface Known { code: string; words: string[] }
let known: Known[] | null = null;
/** Everything that can be meant, with all it is called. Made when it is first searched: 249 names in four languages. */
function knownTerritories(): Known[] {
    if (known) return known;
    const codes = Object.keys(languages) as Language[];
    const others = new Map<string, string[]>();
    for (const [alias, code] of Object.entries(aliases)) others.set(code, [...(others.get(code) ?? []), fold(alias)]);
    known = [
        { code: 'WORLD', words: ['world', 'welt', 'weltweit', 'worldwide', '全球', '全世界', 'ทั่วโลก', fold(t('territory.world'))] },
        ...groupCodes.map((code) => ({ code, words: [fold(code.replaceAll('_', ' ')), fold(code), fold(t(groupKey(code)))] })),
        ...countries.map((code) => ({ code, words: [code.toLowerCase(), ...new Set(codes.map((lang) => fold(nameIn(code, lang)))), ...(others.get(code) ?? [])] })),
        ...areas.map((code) => ({ code, words: [fold(t(areaKey(code)))] })),
    ];
    return known;
}

/** What words may mean, best first: whole code, whole name, beginning of a name, beginning of a word in it, anywhere. */
export function searchTerritories(words: string, limit = 8): string[] {
    const wanted = fold(words.replace(/^[-−–]/, ''));
    if (!wanted) return [];
    const area = /^[a-z]{2}-[a-z0-9]{1,3}$/.test(wanted) && isCountry.has(wanted.slice(0, 2).toUpperCase()) ? [wanted.toUpperCase()] : [];
    const found: { code: string; rank: number }[] = [];
    for (const { code, words: names } of knownTerritories()) {
        let rank = 9;
        for (const name of names) {
            if (name === wanted) rank = Math.min(rank, 0);
            else if (name.startsWith(wanted)) rank = Math.min(rank, name.length < 3 ? 3 : 1);
            else if (wanted.length > 1 && name.includes(` ${wanted}`)) rank = Math.min(rank, 2);
            else if (wanted.length > 2 && name.includes(wanted)) rank = Math.min(rank, 4);
        }
        if (rank < 9) found.push({ code, rank });
    }
    return [...area, ...found.toSorted((a, b) => a.rank - b.rank).map(({ code }) => code)].slice(0, limit);
}

/** One entry of a set: a code that is in it, or is taken out of it. */
export interface Entry {
    code: string;
    isOut: boolean;
}
export interface Parsed {
    entries: Entry[];
    unknown: string[];
}
const outWord = /^(?:[-−–]\s*|(?:ohne|au(?:ss|ß)er|without|except|excluding|除|不含|ยกเว้น)\s*)/iu;

function meaning(piece: string): string | null {
    const upper = piece.toUpperCase();
    if (upper === 'WORLD' || isCountry.has(upper) || upper in groups) return upper;
    const area = /^([A-Z]{2})-([A-Z0-9]{1,3})$/.exec(upper);
    if (area && isCountry.has(area[1] as string)) return upper;
    const folded = fold(piece);
    const whole = knownTerritories().find(({ words }) => words.includes(folded));
    if (whole) return whole.code;
    const begins = folded.length > 3 ? knownTerritories().filter(({ words }) => words.some((word) => word.startsWith(folded))) : [];
    return begins.length === 1 ? (begins[0] as Known).code : null;
}

/** "WORLD, -US", "Germany; Österreich", "EU ohne FR", "DE AT CH": what is meant, and what nobody understands. */
export function parseTerritories(text: string): Parsed {
    const entries: Entry[] = [];
    const unknown: string[] = [];
    const take = (piece: string, isOut: boolean): boolean => {
        const code = meaning(piece);
        if (!code) return false;
        for (const member of code in groups ? groups[code as Group] : [code]) add(entries, { code: member, isOut });
        return true;
    };
    for (const raw of text.split(/[,;、，\n\t]+/)) {
        let piece = raw.trim();
        if (!piece) continue;
        let isOut = false;
        const out = outWord.exec(piece);
        if (out) {
            isOut = true;
            piece = piece.slice(out[0].length).trim();
        }
        if (take(piece, isOut)) continue;
        // "EU without FR", "WORLD -US", "DE AT CH": in words, if each of them is understood.
        const spaced = piece.replace(/\s+(?:ohne|without|except|excluding|außer)\s+/giu, ' -').split(/\s+/);
        const trial: Entry[] = [];
        const before = entries.length;
        let isUnderstood = spaced.length > 1;
        for (const word of spaced) {
            const isMinus = /^[-−–]/.test(word);
            const code = meaning(word.replace(/^[-−–]/, ''));
            if (!code) {
                isUnderstood = false;
                break;
            }
            trial.push(...(code in groups ? groups[code as Group] : [code]).map((member) => ({ code: member, isOut: isOut || isMinus })));
        }
        if (isUnderstood) for (const entry of trial) add(entries, entry);
        else {
            entries.length = before;
            unknown.push(raw.trim());
        }
    }
    return { entries, unknown };
}

/** Adds in place. What is said last counts: DE and then -DE is neither, as it would be on paper. */
function add(entries: Entry[], { code, isOut }: Entry): void {
    const same = entries.findIndex((entry) => entry.code === code);
    if (same >= 0) {
        if (entries[same]?.isOut === isOut) return;
        entries.splice(same, 1);
        if (isOut && !entries.some((entry) => entry.code === 'WORLD')) return;
    }
    if (code === 'WORLD' && !isOut) {
        // The world holds every country that was named before it.
        for (let i = entries.length - 1; i >= 0; i--) if (!entries[i]?.isOut) entries.splice(i, 1);
        entries.unshift({ code, isOut });
        return;
    }
    if (!isOut && code.length === 2 && entries.some((entry) => entry.code === 'WORLD')) return;
    // Taking out what is not in says nothing: unless it is the world, or an area of a country that is in.
    if (isOut && !entries.some((entry) => !entry.isOut && (entry.code === 'WORLD' || entry.code === code.slice(0, 2)))) return;
    entries.push({ code, isOut });
}
export function withEntries(entries: readonly Entry[], more: readonly Entry[]): Entry[] {
    const out = [...entries];
    for (const entry of more) add(out, entry);
    return out;
}
export const entriesOf = (code: string, isOut: boolean): Entry[] => (code in groups ? groups[code as Group] : [code]).map((member) => ({ code: member, isOut }));

/** The server's form: WORLD first, then what is in, then what is out, each by code. */
export function formatTerritories(entries: readonly Entry[]): string {
    const order = (a: Entry, b: Entry): number => Number(a.isOut) - Number(b.isOut) || Number(b.code === 'WORLD') - Number(a.code === 'WORLD') || (a.code < b.code ? -1 : 1);
    return entries.toSorted(order).map(({ code, isOut }) => (isOut ? '-' : '') + code).join(',');
}

/** The whole countries of a set; areas are counted to none. */
export function countriesOf(entries: readonly Entry[]): Set<string> {
    const out = new Set<string>(entries.some((entry) => entry.code === 'WORLD' && !entry.isOut) ? countries : []);
    for (const { code, isOut } of entries) {
        if (code.length !== 2) continue;
        if (isOut) out.delete(code);
        else out.add(code);
    }
    return out;
}

export interface Chip {
    /** A country, an area, WORLD, or a group that is in whole. */
    code: string;
    isOut: boolean;
    members: string[];
}
/** Entries as few chips as possible: the largest groups first, each country in one chip. */
export function chipsOf(entries: readonly Entry[], open: ReadonlySet<string> = new Set()): Chip[] {
    const chips: Chip[] = [];
    for (const isOut of [false, true]) {
        const left = new Set(entries.filter((entry) => entry.isOut === isOut).map(({ code }) => code));
        const order = groupCodes.filter((code) => !open.has(code)).toSorted((a, b) => groups[b].length - groups[a].length);
        const found: Chip[] = [];
        for (const code of order) {
            const members = groups[code];
            if (members.length > 1 && members.every((member) => left.has(member))) {
                found.push({ code, isOut, members: [...members] });
                for (const member of members) left.delete(member);
            }
        }
        const single = [...left].map((code) => ({ code, isOut, members: [code] }));
        chips.push(...single.filter(({ code }) => code === 'WORLD'), ...found, ...single.filter(({ code }) => code !== 'WORLD'));
    }
    return chips;
}

/** A set in a short sentence: "World without United States", "DACH, Poland and 5 more". */
export function describeTerritories(text: string, most = 4): string {
    const { entries } = parseTerritories(text);
    if (entries.length === 0) return text || '–';
    const say = (isOut: boolean): string => {
        const names = chipsOf(entries).filter((chip) => chip.isOut === isOut).map(({ code }) => territoryName(code));
        return names.length > most + 1 ? t('territory.and_more', { names: names.slice(0, most).join(comma()), count: names.length - most }) : names.join(comma());
    };
    const out = say(true);
    return out ? t('territory.without', { names: say(false), without: out }) : say(false);
}
