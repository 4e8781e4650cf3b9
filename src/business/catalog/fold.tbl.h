/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Latin letters without case and marks, two characters each: what NFKD leaves of them when the marks are taken away (Unicode 14), and by hand
 * those that do not decompose (ss, ae, o, d, l ...). "  " is no letter, "? " one that stays as it is. */
static const char fold_latin[] = /* U+00A0 to U+024F */
    "                    a               2 3   ?       1 o   141234  "
    "a a a a a a aec e e e e i i i i d n o o o o o   o u u u u y thss"
    "a a a a a a aec e e e e i i i i d n o o o o o   o u u u u y thy "
    "a a a a a a c c c c c c c c d d d d e e e e e e e e e e g g g g "
    "g g g g h h h h i i i i i i i i i i ijijj j k k k l l l l l l l "
    "l l l n n n n n n n n n o o o o o o oeoer r r r r r s s s s s s "
    "s s t t t t t t u u u u u u u u u u u u w w y y y z z z z z z s "
    "? ? ? ? ? ? ? ? ? ? ? ? ? ? ? e ? f f ? ? ? ? ? ? ? ? ? ? ? ? ? "
    "o o ? ? ? ? ? ? ? ? ? ? ? ? ? u u ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? "
    "? ? ? ? dzdzdzljljljnjnjnja a i i o o u u u u u u u u u u ? a a "
    "a a aeae? ? g g k k o o o o ? ? j dzdzdzg g ? ? n n a a aeaeo o "
    "a a a a e e e e i i i i o o o o r r r r u u u u s s t t ? ? h h "
    "? ? ? ? ? ? a a e e o o o o o o o o y y ? ? ? ? ? ? ? ? ? ? ? ? "
    "? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ";
static const char fold_more[] = /* U+1E00 to U+1EFF */
    "a a b b b b b b c c d d d d d d d d d d e e e e e e e e e e f f "
    "g g h h h h h h h h h h i i i i k k k k k k l l l l l l l l m m "
    "m m m m n n n n n n n n o o o o o o o o p p p p r r r r r r r r "
    "s s s s s s s s s s t t t t t t t t u u u u u u u u u u v v v v "
    "w w w w w w w w w w x x x x y y z z z z z z h t w y a s ? ? ss? "
    "a a a a a a a a a a a a a a a a a a a a a a a a e e e e e e e e "
    "e e e e e e e e i i i i o o o o o o o o o o o o o o o o o o o o "
    "o o o o u u u u u u u u u u u u u u y y y y y y y y ? ? ? ? ? ? ";
