// SPDX-License-Identifier: Apache-2.0
// Characters that a reader does not see but a compiler does ("Trojan Source", CVE-2021-42574):
// control characters, those that turn the direction of writing round, those without width. In names they
// are shown as words; in code they are marked. Pure.

/** What a hidden character is, in words for a reader. */
export interface Hidden {
  at: number;
  /** UTF-16 code units. */
  length: number;
  code: number;
  name: string;
  /** Turns the direction of writing round: what is seen may be another program. */
  bidi: boolean;
}

const NAMES: Record<number, string> = {
  0x00: 'null',
  0x08: 'backspace',
  0x0b: 'vertical tab',
  0x0c: 'form feed',
  0x0d: 'carriage return',
  0x1b: 'escape',
  0x7f: 'delete',
  0x85: 'next line',
  0xa0: 'no-break space',
  0xad: 'soft hyphen',
  0x34f: 'grapheme joiner',
  0x61c: 'Arabic letter mark',
  0x115f: 'Hangul filler',
  0x1160: 'Hangul filler',
  0x17b4: 'Khmer inherent vowel',
  0x17b5: 'Khmer inherent vowel',
  0x180e: 'Mongolian vowel separator',
  0x200b: 'zero-width space',
  0x200c: 'zero-width non-joiner',
  0x200d: 'zero-width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x2028: 'line separator',
  0x2029: 'paragraph separator',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202c: 'end of direction',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x2060: 'word joiner',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'end of isolate',
  0x3164: 'Hangul filler',
  0xfeff: 'byte order mark',
  0xffa0: 'Hangul filler',
  0xfffd: 'not UTF-8',
};

// Controls but tab and newline; bidi; without width; fillers; interlinear; tags; variation selectors supplement.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\udb40[\udc00-\udfff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const BIDI = new Set([
  0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
]);

export function hiddenName(code: number): string {
  const known = NAMES[code];
  if (known !== undefined) return known;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 'control character';
  if (code >= 0xd800 && code < 0xe000) return 'half a character';
  if (code >= 0xe0000) return 'invisible tag';
  return 'invisible character';
}

/** Those of a text, at most `max`. A carriage return at the end of a line is none. */
export function findHidden(text: string, max = 1000): Hidden[] {
  const found: Hidden[] = [];
  HIDDEN.lastIndex = 0;
  for (let m = HIDDEN.exec(text); m !== null && found.length < max; m = HIDDEN.exec(text)) {
    const code = m[0].codePointAt(0) ?? 0;
    if (code === 0x0d && text[m.index + 1] === '\n') continue;
    if (code === 0xfeff && m.index === 0) continue;
    found.push({ at: m.index, length: m[0].length, code, name: hiddenName(code), bidi: BIDI.has(code) });
  }
  HIDDEN.lastIndex = 0;
  return found;
}

export function codeLabel(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A piece of a name: plain text, or a character to be shown as a word. */
export type Piece = { text: string } | { code: number; name: string };

// In a name a tab, a newline, a no-break space and the replacement character are hidden too.
const IN_NAME = /[\t\n\u00a0\ufffd]/;

/** A name, or a line of code, cut into what can be shown and what must be named. */
export function pieces(name: string, code = false): Piece[] {
  const list: Piece[] = [];
  let plain = '';
  const flush = (): void => {
    if (plain !== '') list.push({ text: plain });
    plain = '';
  };
  for (const c of code ? name.replace(/\r$/, '') : name) {
    const point = c.codePointAt(0) ?? 0;
    HIDDEN.lastIndex = 0;
    if (!HIDDEN.test(c) && (code || !IN_NAME.test(c))) {
      plain += c;
      continue;
    }
    flush();
    list.push({ code: point, name: point === 9 ? 'tab' : point === 10 ? 'newline' : hiddenName(point) });
  }
  HIDDEN.lastIndex = 0;
  flush();
  return list;
}

/** For places that can hold text only (titles, labels): hidden characters as `[U+202E]`. */
export function plainName(name: string): string {
  return pieces(name)
    .map((p) => ('text' in p ? p.text : `[${codeLabel(p.code)}]`))
    .join('');
}
