// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Draws the map of the rights pages: Natural Earth's coasts and borders (public domain, 1:50 million, from the package world-atlas)
// become one SVG path for each territory of ISO 3166-1, written as src/generated/world.ts.
//
//   node world.mjs FOLDER
//
// The borders are those of the registry, because that is what contracts name: what has a code of its own is drawn by itself, wherever
// the source counts it to a mother country (French Guiana, Svalbard); what has none belongs to the territory that the registry counts it
// to. Every one of the 249 has a point; those too small to be hit with a finger are listed as small and get a marker there.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { feature } from 'topojson-client';

/** Alpha-2 and numeric codes of ISO 3166-1. */
const registry = `AD020 AE784 AF004 AG028 AI660 AL008 AM051 AO024 AQ010 AR032 AS016 AT040 AU036 AW533 AX248 AZ031 BA070 BB052 BD050 BE056 BF854
    BG100 BH048 BI108 BJ204 BL652 BM060 BN096 BO068 BQ535 BR076 BS044 BT064 BV074 BW072 BY112 BZ084 CA124 CC166 CD180 CF140 CG178 CH756 CI384 CK184
    CL152 CM120 CN156 CO170 CR188 CU192 CV132 CW531 CX162 CY196 CZ203 DE276 DJ262 DK208 DM212 DO214 DZ012 EC218 EE233 EG818 EH732 ER232 ES724 ET231
    FI246 FJ242 FK238 FM583 FO234 FR250 GA266 GB826 GD308 GE268 GF254 GG831 GH288 GI292 GL304 GM270 GN324 GP312 GQ226 GR300 GS239 GT320 GU316 GW624
    GY328 HK344 HM334 HN340 HR191 HT332 HU348 ID360 IE372 IL376 IM833 IN356 IO086 IQ368 IR364 IS352 IT380 JE832 JM388 JO400 JP392 KE404 KG417 KH116
    KI296 KM174 KN659 KP408 KR410 KW414 KY136 KZ398 LA418 LB422 LC662 LI438 LK144 LR430 LS426 LT440 LU442 LV428 LY434 MA504 MC492 MD498 ME499 MF663
    MG450 MH584 MK807 ML466 MM104 MN496 MO446 MP580 MQ474 MR478 MS500 MT470 MU480 MV462 MW454 MX484 MY458 MZ508 NA516 NC540 NE562 NF574 NG566 NI558
    NL528 NO578 NP524 NR520 NU570 NZ554 OM512 PA591 PE604 PF258 PG598 PH608 PK586 PL616 PM666 PN612 PR630 PS275 PT620 PW585 PY600 QA634 RE638 RO642
    RS688 RU643 RW646 SA682 SB090 SC690 SD729 SE752 SG702 SH654 SI705 SJ744 SK703 SL694 SM674 SN686 SO706 SR740 SS728 ST678 SV222 SX534 SY760 SZ748
    TC796 TD148 TF260 TG768 TH764 TJ762 TK772 TL626 TM795 TN788 TO776 TR792 TT780 TV798 TW158 TZ834 UA804 UG800 UM581 US840 UY858 UZ860 VA336 VC670
    VE862 VG092 VI850 VN704 VU548 WF876 WS882 YE887 YT175 ZA710 ZM894 ZW716`.trim().split(/\s+/);
const alpha2 = new Map(registry.map((entry) => [entry.slice(2), entry.slice(0, 2)]));

/** What the source draws without a code, and the territory whose entry in the registry it falls under. */
const uncoded = { 'N. Cyprus': 'CY', Somaliland: 'SO', Kosovo: 'RS', 'Siachen Glacier': 'IN', 'Indian Ocean Ter.': 'CX', 'Ashmore and Cartier Is.': 'AU' };

/** Parts of a country that have a code of their own: those whose middle lies in the box (west, south, east, north). */
const apart = [
    ['FR', 'GF', -56, 1, -50, 7], ['FR', 'GP', -62.2, 15.7, -60.8, 16.7], ['FR', 'MQ', -61.4, 14.2, -60.7, 15.1], ['FR', 'RE', 55, -21.6, 56, -20.7],
    ['FR', 'YT', 44.8, -13.2, 45.5, -12.5], ['NO', 'SJ', -10, 70.7, 36, 82], ['NO', 'BV', 3, -55, 4, -54], ['NL', 'BQ', -69, 11.9, -68, 12.5],
    ['NL', 'BQ', -63.4, 17.3, -62.9, 17.8], ['CX', 'CC', 96, -13, 97.5, -11], ['NZ', 'TK', -173, -10, -171, -8], ['AU', 'HM', 72, -54, 75, -52],
];

/** Where a territory is that the source does not draw at this scale: longitude, latitude. */
const undrawn = {
    BQ: [-68.26, 12.18], BV: [3.36, -54.42], CC: [96.83, -12.16], CX: [105.63, -10.49], GF: [-53.1, 3.9], GI: [-5.35, 36.14], GP: [-61.55, 16.25], MQ: [-61.02, 14.64],
    RE: [55.53, -21.12], SJ: [16, 78.7], TK: [-171.85, -9.17], TV: [179.2, -8.52], UM: [166.65, 19.3], YT: [45.16, -12.83], HM: [73.5, -53.1], GS: [-36.8, -54.4],
    IO: [72.4, -7.3], NF: [167.95, -29.04], PN: [-128.32, -24.37], AQ: [0, -66],
};

// Equal Earth (B. Šavrič, T. Patterson, B. Jenny, 2018): areas are true, and it looks like the maps people know.
const [a1, a2, a3, a4] = [1.340264, -0.081106, 0.000893, 0.003796];
const width = 2000;
const south = -58; // below it lies only the ice, whose code has a marker
function equalEarth(longitude, latitude) {
    const theta = Math.asin((Math.sqrt(3) / 2) * Math.sin((latitude * Math.PI) / 180));
    const t2 = theta * theta;
    const t6 = t2 * t2 * t2;
    const x = ((longitude * Math.PI) / 180) * (2 * Math.cos(theta)) / (Math.sqrt(3) * (a1 + 3 * a2 * t2 + t6 * (7 * a3 + 9 * a4 * t2)));
    return [x, theta * (a1 + a2 * t2 + t6 * (a3 + a4 * t2))];
}
const [edge] = equalEarth(180, 0);
const scale = (width - 40) / (2 * edge);
const [, top] = equalEarth(0, 84);
const project = ([longitude, latitude]) => {
    const [x, y] = equalEarth(longitude, latitude);
    return [width / 2 + x * scale, (top - y) * scale];
};
const height = Math.round(project([0, south])[1]);

/** Points of an arc that lie nearer than `tolerance`, on paper, to the line without them are left out; both ends stay, so neighbours still meet. */
function simplify(points, tolerance) {
    if (points.length < 3) return points;
    const [ax, ay] = project(points[0]);
    const [bx, by] = project(points.at(-1));
    const length = Math.hypot(bx - ax, by - ay);
    let farthest = 0, most = -1;
    for (let i = 1; i < points.length - 1; i++) {
        const [px, py] = project(points[i]);
        const off = length < 1e-9 ? Math.hypot(px - ax, py - ay) : Math.abs((bx - ax) * (ay - py) - (ax - px) * (by - ay)) / length;
        if (off > most) [most, farthest] = [off, i];
    }
    if (most <= tolerance) return [points[0], points.at(-1)];
    return [...simplify(points.slice(0, farthest + 1), tolerance).slice(0, -1), ...simplify(points.slice(farthest), tolerance)];
}

/** What of a ring lies on one side of a meridian (Sutherland and Hodgman). */
function clip(ring, meridian, isEast) {
    const inside = ([x]) => (isEast ? x >= meridian : x <= meridian);
    const out = [];
    for (let i = 0; i < ring.length - 1; i++) {
        const [a, b] = [ring[i], ring[i + 1]];
        const part = (meridian - a[0]) / (b[0] - a[0]);
        if (inside(a)) out.push(a);
        if (inside(a) !== inside(b)) out.push([meridian, a[1] + (b[1] - a[1]) * part]);
    }
    return out.length ? [...out, out[0]] : [];
}
/** A ring that crosses the antimeridian is one piece on the globe, and several on paper. */
function cut(ring) {
    let turn = 0;
    const whole = ring.map(([x, y], i) => {
        if (i > 0 && x - ring[i - 1][0] > 180) turn -= 360;
        if (i > 0 && x - ring[i - 1][0] < -180) turn += 360;
        return [x + turn, y];
    });
    if (whole.every(([x]) => x >= -180 && x <= 180)) return [whole];
    const west = clip(whole, -180, false).map(([x, y]) => [x + 360, y]);
    const east = clip(whole, 180, true).map(([x, y]) => [x - 360, y]);
    return [clip(clip(whole, -180, true), 180, false), west, east].filter((piece) => piece.length > 3);
}

/** The area and the middle of a ring. */
function measure(ring) {
    let area = 0, x = 0, y = 0;
    for (let i = 0; i < ring.length - 1; i++) {
        const cross = ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
        area += cross;
        x += (ring[i][0] + ring[i + 1][0]) * cross;
        y += (ring[i][1] + ring[i + 1][1]) * cross;
    }
    if (Math.abs(area) < 1e-9) return { area: 0, middle: ring[0] };
    return { area: Math.abs(area / 2), middle: [x / (3 * area), y / (3 * area)] };
}

/** A ring as relative steps on the whole-number grid; nothing if it has shrunk to a line. */
function draw(ring) {
    const grid = [];
    for (const [x, y] of ring) {
        const point = [Math.round(x), Math.round(y)];
        const last = grid.at(-1);
        if (!last || last[0] !== point[0] || last[1] !== point[1]) grid.push(point);
    }
    grid.pop();
    if (grid.length < 3) return '';
    let text = `M${grid[0][0]} ${grid[0][1]}l`;
    for (let i = 1; i < grid.length; i++) text += `${i > 1 ? ' ' : ''}${grid[i][0] - grid[i - 1][0]} ${grid[i][1] - grid[i - 1][1]}`;
    return `${text.replaceAll(' -', '-')}z`;
}

/** {width, height, shapes: {DE: path}, points: {DE: [x, y]}, small: [codes]} */
export function drawWorld() {
    const require = createRequire(import.meta.url);
    const topology = JSON.parse(fs.readFileSync(require.resolve('world-atlas/countries-50m.json'), 'utf8'));
    const { scale: [sx, sy], translate: [tx, ty] } = topology.transform;
    const arcs = topology.arcs.map((arc) => {
        let x = 0, y = 0;
        return arc.map(([dx, dy]) => [(x += dx) * sx + tx, (y += dy) * sy + ty]);
    });
    const plain = (arcList) => ({ ...topology, transform: undefined, arcs: arcList });
    const { features: onGlobe } = feature(plain(arcs), topology.objects.countries);
    const { features: simple } = feature(plain(arcs.map((arc) => simplify(arc, 0.45))), topology.objects.countries);

    const parts = new Map(); // code -> [{rings, area, middle}]
    const polygons = ({ geometry }) => (geometry === null ? [] : geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates);
    for (const [i, { id, properties }] of onGlobe.entries()) {
        const whole = uncoded[properties.name] ?? alpha2.get(id);
        if (!whole || whole === 'AQ') continue;
        const paper = polygons(simple[i]);
        for (const [n, rings] of polygons(onGlobe[i]).entries()) {
            const [x, y] = measure(rings[0]).middle;
            const own = apart.find(([from, , west, southern, east, north]) => from === whole && x >= west && x <= east && y >= southern && y <= north);
            const code = own ? own[1] : whole;
            if (!parts.has(code)) parts.set(code, []);
            const drawn = paper[n].flatMap(cut).map((ring) => ring.map(project));
            parts.get(code).push({ rings: drawn, ...drawn.map(measure).sort((a, b) => b.area - a.area)[0] });
        }
    }

    const world = { width, height, shapes: {}, points: {}, small: [] };
    for (const code of alpha2.values()) {
        const own = [...(parts.get(code) ?? [])].sort((a, b) => b.area - a.area);
        const shape = own.map(({ rings }) => rings.map(draw).join('')).join('');
        const point = own[0]?.area > 4 ? own[0].middle : project(undrawn[code] ?? (own[0] ? null : undefined) ?? [NaN, NaN]);
        const [x, y] = Number.isFinite(point[0]) ? point : own[0]?.middle ?? point;
        if (!Number.isFinite(x)) throw new Error(`${code} is nowhere on the map: give it a point`);
        if (shape) world.shapes[code] = shape;
        world.points[code] = [Math.round(x), Math.min(height - 12, Math.round(y))];
        if (own.reduce((sum, { area }) => sum + area, 0) < 60) world.small.push(code);
    }
    return world;
}

export function writeWorld(folder) {
    const { shapes, points, small, ...size } = drawWorld();
    fs.mkdirSync(folder, { recursive: true });
    const file = path.join(folder, 'world.ts');
    const text = `// Written by world.mjs from Natural Earth (public domain).
export const size = ${JSON.stringify(size)};
export const shapes: Record<string, string> = ${JSON.stringify(shapes)};
export const points: Record<string, [number, number]> = ${JSON.stringify(points)};
export const small: string[] = ${JSON.stringify(small)};
`;
    if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text) fs.writeFileSync(file, text);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeWorld(process.argv[2] ?? 'src/generated');
