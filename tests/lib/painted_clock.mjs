// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Reads the time that the test card shows as cells (src/media/testcard/testcard.h). Works in Node and in a page:
//
//   context.drawImage(video, 0, 0, canvas.width, canvas.height);
//   const taken = readPaintedClock(context.getImageData(0, 0, canvas.width, canvas.height));   // ms since 1970, or null

/** @param {{data: ArrayLike<number>, width: number, height: number}} image RGBA, four bytes a pixel */
export function readPaintedClock({ data, width, height }) {
    const levels = [];
    for (let cell = 0; cell < 64; cell++) {
        const left = (1 / 10 + (cell % 32) / 40) * width, top = (5 / 6 + Math.floor(cell / 32) * 2 / 45) * height;
        const x0 = Math.round(left + width / 160), x1 = Math.max(x0 + 1, Math.round(left + 3 * width / 160));
        const y0 = Math.round(top + height / 90), y1 = Math.max(y0 + 1, Math.round(top + 3 * height / 90));
        let sum = 0;
        for (let y = y0; y < y1; y++)
            for (let x = x0; x < x1; x++) sum += data[(y * width + x) * 4 + 1];
        levels.push(sum / ((x1 - x0) * (y1 - y0)));
    }
    const darkest = Math.min(...levels), brightest = Math.max(...levels);
    if (brightest - darkest < 80) return null;
    const bits = levels.map((level) => (level > (darkest + brightest) / 2 ? 1 : 0));
    const number = (from, count) => bits.slice(from, from + count).reduce((value, bit) => value * 2 + bit, 0);
    let crc = 0xffff;
    for (let byte = 0; byte < 6; byte++) {
        crc ^= number(byte * 8, 8) << 8;
        for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    }
    return crc === number(48, 16) ? number(0, 48) : null;
}
