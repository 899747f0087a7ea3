// SPDX-License-Identifier: Apache-2.0
// Characters that hide, in names and in code; addresses of hostile paths.
import { describe, expect, it } from 'vitest';
import { decodePath, digestOf, encodePath, hashOf, linesOf, parentOf, sourceHref } from './address';
import { findHidden, pieces, plainName } from './hidden';

describe('hidden characters', () => {
  it('are found where they stand', () => {
    const found = findHidden('a\u202eb\u2066\n\tc\u200b');
    expect(found.map((h) => [h.at, h.name, h.bidi])).toEqual([
      [1, 'right-to-left override', true],
      [3, 'left-to-right isolate', true],
      [7, 'zero-width space', false],
    ]);
  });

  it('are not line ends, tabs, or a mark at the very beginning', () => {
    expect(findHidden('\ufeffa\r\n\tb\r\n')).toEqual([]);
    expect(findHidden('a\rb')).toHaveLength(1);
    expect(findHidden('\na\ufeff')).toHaveLength(1);
  });

  it('are half characters and invisible tags, too', () => {
    expect(findHidden('\ud800x').map((h) => h.name)).toEqual(['half a character']);
    expect(findHidden('\u{e0041}').map((h) => [h.length, h.name])).toEqual([[2, 'invisible tag']]);
    expect(findHidden('😀é漢')).toEqual([]);
  });

  it('are counted up to a maximum', () => {
    expect(findHidden('\u200b'.repeat(5000), 10)).toHaveLength(10);
  });

  it('stand as words in names', () => {
    expect(plainName('user\u202etxt.exe')).toBe('user[U+202E]txt.exe');
    expect(plainName('two words')).toBe('two words');
    expect(pieces('a\tb')).toHaveLength(3);
    expect(pieces('a\tb', true)).toEqual([{ text: 'a\tb' }]);
    expect(pieces('a\u202eb\r', true)).toEqual([{ text: 'a' }, { code: 0x202e, name: 'right-to-left override' }, { text: 'b' }]);
  });
});

describe('addresses', () => {
  const d = `sha256:${'0a'.repeat(32)}`;

  it('encode every part of a path', () => {
    expect(encodePath('a b/<img src=x>/#?%/ü')).toBe('a%20b/%3Cimg%20src%3Dx%3E/%23%3F%25/%C3%BC');
    expect(encodePath('half\ud800')).toBe('half%EF%BF%BD');
    expect(sourceHref(d, 'x/y', { from: 3, to: 3 })).toBe(`/source/${'0a'.repeat(32)}/x/y#L3`);
  });

  it('have no part that begins with a dot, which the site would refuse', () => {
    for (const path of ['.ci/x', 'a/.git~/b', '~home/~.x', '~', 'a.b/c', '..c']) {
      const address = encodePath(path);
      expect(address.split('/').some((p) => p.startsWith('.'))).toBe(false);
      expect(decodePath(address.split('/').map(decodeURIComponent).join('/'))).toBe(path);
    }
    expect(encodePath('.ci/x')).toBe('~.ci/x');
    expect(decodePath('~old/x')).toBe('~old/x');
    expect(decodePath(undefined)).toBe('');
  });

  it('name lines', () => {
    expect(linesOf('#L10-20')).toEqual({ from: 10, to: 20 });
    expect(linesOf('#L20-L10')).toEqual({ from: 10, to: 20 });
    expect(linesOf('#L0')).toBeNull();
    expect(linesOf('#L1-')).toBeNull();
    expect(linesOf('#definitions')).toBeNull();
    expect(hashOf({ from: 1, to: 4 })).toBe('#L1-4');
  });

  it('take digests and nothing else', () => {
    expect(digestOf('0A'.repeat(32))).toBe(d);
    expect(digestOf(d)).toBe(d);
    expect(digestOf('..')).toBeNull();
    expect(digestOf(undefined)).toBeNull();
    expect(parentOf('a/b/c')).toBe('a/b');
    expect(parentOf('a')).toBe('');
  });
});
