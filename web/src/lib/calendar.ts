// SPDX-License-Identifier: AGPL-3.0-or-later
//
// An event as an iCalendar file (RFC 5545), made here: it holds nothing that the page does not show.
const stamp = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
/** Section 3.3.11: these four are escaped in a text. */
const escaped = (text: string): string => text.replace(/[\\;,]/g, (letter) => `\\${letter}`).replace(/\r?\n/g, '\\n');

/** Section 3.1: a line has 75 octets at most; a letter of several octets is never cut. */
function folded(line: string): string {
    const encoder = new TextEncoder();
    let out = '';
    let octets = 0;
    for (const letter of line) {
        const size = encoder.encode(letter).length;
        if (octets + size > 75) {
            out += '\r\n ';
            octets = 1;
        }
        out += letter;
        octets += size;
    }
    return out;
}

export interface CalendarEvent {
    id: string;
    name: string;
    synopsis: string;
    starts_at: number;
    url: string;
}
export function calendar(event: CalendarEvent, now = Date.now()): string {
    return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Grandstand//EN', 'METHOD:PUBLISH', 'BEGIN:VEVENT', `UID:${event.id}@${new URL(event.url).host}`,
        `DTSTAMP:${stamp(now)}`, `DTSTART:${stamp(event.starts_at)}`, 'DURATION:PT2H', `SUMMARY:${escaped(event.name)}`,
        ...(event.synopsis ? [`DESCRIPTION:${escaped(event.synopsis)}`] : []), `URL:${event.url}`,
        'BEGIN:VALARM', 'ACTION:DISPLAY', 'TRIGGER:-PT10M', `DESCRIPTION:${escaped(event.name)}`, 'END:VALARM', 'END:VEVENT', 'END:VCALENDAR', '']
        .map(folded).join('\r\n');
}
