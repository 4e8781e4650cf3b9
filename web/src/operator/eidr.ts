// SPDX-License-Identifier: AGPL-3.0-or-later
//
// EIDR ids (ISO 26324): "10.5240/" and twenty hexadecimal digits in five groups, then a check character by ISO 7064 Mod 37,36.

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

export function checkCharacter(digits: string): string {
    let product = 36;
    for (const digit of digits) {
        let sum = (product + alphabet.indexOf(digit)) % 36;
        if (sum === 0) sum = 36;
        product = (sum * 2) % 37;
    }
    return alphabet[(37 - product) % 36] as string;
}
/** The canonical form of what was typed or pasted (with or without prefix, as a URN); null if it is none, or its check character is wrong. */
export function eidr(text: string): string | null {
    const bare = text.trim().toUpperCase().replace(/^(?:URN:EIDR:|MD:CID:EIDR-S:|HTTPS?:\/\/(?:DX\.)?DOI\.ORG\/)?(?:10\.5240[/:])?/, '').replaceAll('-', '');
    const match = /^([0-9A-F]{20})([0-9A-Z])$/.exec(bare);
    if (!match || checkCharacter(match[1] as string) !== match[2]) return null;
    return `10.5240/${(match[1] as string).replace(/(.{4})(?=.)/g, '$1-')}-${match[2]}`;
}
