// SPDX-License-Identifier: Apache-2.0
import { StringStream } from '@codemirror/language';
import { describe, expect, test } from 'vitest';
import { yara } from './yara';

/** What each piece of a text is taken for. */
function tokens(text: string): [string, string][] {
  const state = yara.startState!(2);
  const found: [string, string][] = [];
  for (const line of text.split('\n')) {
    const stream = new StringStream(line, 8, 2);
    while (!stream.eol()) {
      stream.start = stream.pos;
      const style = yara.token(stream, state);
      expect(stream.pos).toBeGreaterThan(stream.start); // else the view would hang
      if (style !== null) found.push([stream.current(), style]);
    }
  }
  return found;
}

describe('YARA', () => {
  test('words, strings, expressions and hex strings', () => {
    const of = new Map(tokens('rule x : tag { // note\n strings: $a = "a\\"b" $b = /x\\/y/i $c = { 4D 5A ?? }\n condition: #a > 2 and $b at 0x10 and filesize < 1MB }'));
    expect(of.get('rule')).toBe('keyword');
    expect(of.get('x')).toBe('variableName');
    expect(of.get('// note')).toBe('comment');
    expect(of.get('"a\\"b"')).toBe('string');
    expect(of.get('/x\\/y/i')).toBe('string.special');
    expect(of.get('#a')).toBe('variableName.special');
    expect(of.get('0x10')).toBe('number');
    expect(of.get('1MB')).toBe('number');
    expect(of.get('and')).toBe('keyword');
  });
  test('comments over lines, and a brace of a rule is no hex string', () => {
    const all = tokens('/* a\n b */ rule y { condition: true }');
    expect(all.filter(([, style]) => style === 'comment').length).toBe(2);
    expect(all.some(([, style]) => style === 'string.special')).toBe(false);
    expect(new Map(all).get('true')).toBe('atom');
  });
  test('nothing hangs, whatever stands there', () => {
    for (const text of ['"', '/', '$a = {', '$a = /', '\u202e\0\\', '=='.repeat(50)]) expect(() => tokens(text)).not.toThrow();
  });
});
