// SPDX-License-Identifier: Apache-2.0
import { beforeAll, expect, test, vi } from 'vitest';
import { ago, country, duration, ownPath, percent, plural, safeUrl, shellWord, short, size, time } from './format';

beforeAll(() => void vi.stubGlobal('location', { origin: 'https://site.example' }));

test('sizes, counts and shares', () => {
  expect([0, 1, 999, 1000, 9949, 9950, 999_499, 999_500, 4_200_000, 1e18].map(size)).toEqual(['0 bytes', '1 byte', '999 bytes', '1.0 kB', '9.9 kB', '10 kB', '999 kB', '1.0 MB', '4.2 MB', '1000 PB']);
  expect(plural(1, 'entry', 'entries')).toBe('1 entry');
  expect(plural(1234, 'entry', 'entries')).toBe('1,234 entries');
  expect([percent(0, 0), percent(0, 9), percent(1, 1000), percent(999, 1000), percent(5, 5)]).toEqual(['–', '0 %', '<1 %', '>99 %', '100 %']);
});

test('times', () => {
  expect(time('2026-11-22T10:00:05Z')).toBe('22 Nov 2026, 10:00:05 UTC');
  expect(time('no time')).toBe('no time');
  expect([0, 59, 60, 80, 3600, 3660, 172_800, 864_000].map(duration)).toEqual(['0 s', '59 s', '1 min', '1 min 20 s', '1 h', '1 h 1 min', '2 days', '10 days']);
  const now = Date.parse('2026-11-22T10:00:00Z');
  expect(['2026-11-22T09:59:30Z', '2026-11-22T09:58:00Z', '2026-11-22T07:10:00Z', '2026-11-20T10:00:00Z', '2026-11-25T10:00:00Z'].map((t) => ago(t, now))).toEqual(['just now', '2 min ago', '3 h ago', '2 days ago', 'in 3 days']);
});

test('digests and countries', () => {
  expect(short(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('01234567…cdef');
  expect(short('abc')).toBe('abc');
  expect([country('CH'), country('nonsense')]).toEqual(['Switzerland', 'nonsense']);
});

test('addresses out of data lead nowhere else', () => {
  expect(safeUrl('https://monitor.example/x')).toBe('https://monitor.example/x');
  for (const bad of ['javascript:alert(1)', ' JaVaScRiPt:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', 'https://']) expect(safeUrl(bad)).toBeNull();
  expect(ownPath('https://other.example/passports/x?y=1')).toBe('/passports/x?y=1');
  expect(ownPath('javascript:alert(1)')).toBeNull();
});

test('words of a command line cannot become commands', () => {
  expect(shellWord('lantern-1.0.0.tar.zst')).toBe('lantern-1.0.0.tar.zst');
  expect(shellWord('a b')).toBe("'a b'");
  expect(shellWord('$(rm -rf ~)')).toBe("'$(rm -rf ~)'");
  expect(shellWord("it's; reboot")).toBe("'it'\\''s; reboot'");
  expect(shellWord('a\nreboot\u202e')).toBe("'a?reboot?'");
  expect(shellWord('')).toBe("''");
  expect(shellWord('-rf')).toBe("'-rf'");
});
