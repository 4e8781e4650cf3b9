// SPDX-License-Identifier: AGPL-3.0-or-later
//
// openapi.yaml as data: as much of YAML as that page is written in (mappings and lists by indentation, {flow} and [flow], plain and
// quoted words, | for prose), and what its schemas say of the bodies of requests.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './server.mjs';

/** A value on one line: {a: b}, [a, b], 'a', "a", a. From `at`; gives [value, where it ends]. */
function flow(text, at, isInside = false) {
    const blank = () => { while (text[at] === ' ') at++; };
    blank();
    if (text[at] === '{' || text[at] === '[') {
        const isMap = text[at] === '{', close = isMap ? '}' : ']', out = isMap ? {} : [];
        for (at++, blank(); text[at] !== close;) {
            let key;
            if (isMap) {
                const m = /(?:'((?:[^']|'')*)'|([^:,{}[\]]+)):\s*/y;
                m.lastIndex = at;
                const found = m.exec(text);
                assert.ok(found, `no key at ${text.slice(at, at + 40)}`);
                key = (found[1] ?? found[2]).trim();
                at = m.lastIndex;
            }
            const [value, end] = flow(text, at, true);
            if (isMap) out[key] = value;
            else out.push(value);
            at = end;
            blank();
            if (text[at] === ',') at++;
            else assert.equal(text[at], close, text);
            blank();
        }
        return [out, at + 1];
    }
    for (const quote of ["'", '"'])
        if (text[at] === quote) {
            let end = at + 1;
            while (text[end] !== quote || text[end + 1] === quote) end += text[end] === quote ? 2 : 1;
            return [text.slice(at + 1, end).replaceAll(quote + quote, quote), end + 1];
        }
    const word = /^[^,{}[\]]*/.exec(isInside ? text.slice(at) : '')?.[0] ?? '';
    const plain = isInside ? word : text.slice(at).replace(/\s+#.*$/, '');
    const trimmed = plain.trim(), known = { true: true, false: false, null: null };
    return [trimmed in known ? known[trimmed] : /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed, at + plain.length];
}

function block(lines, from, indent) {
    let out, at = from;
    for (; at < lines.length && lines[at].indent >= indent; ) {
        const { text } = lines[at];
        assert.equal(lines[at].indent, indent, text);
        if (text.startsWith('- ')) {
            out ??= [];
            if (/^- \w+:(\s|$)/.test(text)) { // a mapping that begins beside the dash
                lines[at] = { indent: indent + 2, text: text.slice(2) };
                const [item, end] = block(lines, at, indent + 2);
                out.push(item);
                at = end;
            } else out.push(flow(lines[at++].text, 2)[0]);
            continue;
        }
        const m = /^(?:'((?:[^']|'')*)'|([^\s{}'"][^:]*(?::(?!\s|$)[^:]*)*)):(?:\s+(.*))?$/.exec(text);
        assert.ok(m, `not understood: ${text}`);
        const key = m[1] ?? m[2];
        out ??= {};
        at++;
        if (m[3] !== undefined) {
            out[key] = flow(m[3], 0)[0];
            while (at < lines.length && lines[at].indent > indent) at++; // prose goes on
        }
        else [out[key], at] = block(lines, at, lines[at].indent);
    }
    return [out, at];
}

export function openapi() {
    const lines = readFileSync(join(root, 'openapi.yaml'), 'utf8').split('\n').filter((line) => line.trim() && !line.trim().startsWith('#'))
        .map((line) => ({ indent: line.search(/\S/), text: line.trim() }));
    return block(lines, 0, 0)[0];
}

/** Follows $ref, and puts together what allOf takes apart. */
export function resolved(api, schema) {
    let one = schema;
    if (one?.$ref) one = one.$ref.split('/').slice(1).reduce((at, name) => at[name], api);
    assert.ok(one, `${schema?.$ref} is not there`);
    if (!one.allOf) return one;
    const parts = one.allOf.map((part) => resolved(api, part));
    return { ...one, properties: Object.assign({}, ...parts.map((part) => part.properties), one.properties), required: [...parts.flatMap((part) => part.required ?? []), ...(one.required ?? [])] };
}

/** 'POST /api/v1/x' -> the schema of its JSON body, if it takes one. */
export function bodies(api) {
    const found = new Map();
    for (const [path, methods] of Object.entries(api.paths))
        for (const [method, operation] of Object.entries(methods)) {
            const schema = operation.requestBody?.content['application/json']?.schema;
            if (schema) found.set(`${method.toUpperCase()} ${path}`, resolved(api, schema));
        }
    return found;
}

/** The objects of a body: [where, names, a body that reaches there with a member `unknown` in it, is it closed?]. */
export function* objects(api, schema, wrap = (inner) => inner, where = '') {
    const isClosed = schema.additionalProperties === false || schema.unevaluatedProperties === false;
    yield { where, names: Object.keys(schema.properties ?? {}).sort(), body: wrap({ '?': 0 }), isClosed };
    for (const [name, raw] of Object.entries(schema.properties ?? {})) {
        const one = resolved(api, raw);
        for (const way of one.oneOf ?? one.anyOf ?? [one]) {
            const inner = resolved(api, way);
            if (inner.properties) yield* objects(api, inner, (object) => wrap({ [name]: object }), `${where}${name}.`);
            const item = inner.items && resolved(api, inner.items);
            for (const each of item?.oneOf ?? (item ? [item] : []))
                if (resolved(api, each).properties) yield* objects(api, resolved(api, each), (object) => wrap({ [name]: [object] }), `${where}${name}[].`);
        }
    }
}
