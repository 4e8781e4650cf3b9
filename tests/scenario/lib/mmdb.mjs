// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Writes small MaxMind DB files (specification version 2.0), so that tests need nobody's: a search tree of 24-bit records over IPv6, in
// which IPv4 lies at ::/96, then 16 zeros, the data, and the metadata.
//
//   mmdb(path, [['203.0.113.0/24', 'TH'], ['198.51.100.0/24', 'US', 'CA']]);
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';

const control = (type, size) => Buffer.from(type < 8 ? [(type << 5) | size] : [size, type - 7]);
const text = (value) => Buffer.concat([control(2, value.length), Buffer.from(value)]);
const number = (type, bytes, value) => {
    const out = Buffer.alloc(bytes);
    out.writeUIntBE(value, Math.max(bytes - 6, 0), Math.min(bytes, 6));
    return Buffer.concat([control(type, bytes), out]);
};
const map = (entries) => Buffer.concat([control(7, entries.length), ...entries.flatMap(([key, value]) => [text(key), value])]);
const array = (items) => Buffer.concat([control(11, items.length), ...items]);

export function mmdb(path, nets) {
    const nodes = [[null, null]], data = [];
    let dataBytes = 0;
    for (const [net, country, area] of nets) {
        const [address, bits] = net.split('/');
        assert.match(address, /^[0-9.]+$/, 'this writer makes files of IPv4 addresses only');
        const whole = [...Buffer.alloc(12), ...address.split('.').map(Number)];
        const record = map([['country', map([['iso_code', text(country)]])], ...(area ? [['subdivisions', array([map([['iso_code', text(area)]])])]] : [])]);
        const offset = dataBytes;
        data.push(record);
        dataBytes += record.length;
        let node = 0;
        for (let i = 0; i < 96 + Number(bits); i++) {
            const side = (whole[i >> 3] >> (7 - (i & 7))) & 1;
            if (i === 95 + Number(bits)) nodes[node][side] = { offset };
            else {
                if (typeof nodes[node][side] !== 'number') nodes[node][side] = nodes.push([null, null]) - 1;
                node = nodes[node][side];
            }
        }
    }
    const tree = Buffer.alloc(nodes.length * 6);
    nodes.forEach((sides, i) => sides.forEach((side, k) =>
        tree.writeUIntBE(side === null ? nodes.length : typeof side === 'number' ? side : nodes.length + 16 + side.offset, i * 6 + k * 3, 3)));
    const about = map([
        ['binary_format_major_version', number(5, 2, 2)], ['binary_format_minor_version', number(5, 2, 0)], ['build_epoch', number(9, 8, 1800000000)],
        ['database_type', text('Test-City')], ['description', map([['en', text('made by a test')]])], ['ip_version', number(5, 2, 6)],
        ['languages', array([text('en')])], ['node_count', number(6, 4, nodes.length)], ['record_size', number(5, 2, 24)],
    ]);
    writeFileSync(`${path}.new`, Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), about]));
    renameSync(`${path}.new`, path);
}
