// SPDX-License-Identifier: Apache-2.0
// Addresses of the source pages, and what stands in them. Pure.
import { hexOf } from '../lib/format';

const HEX = /^[0-9a-f]{64}$/;

/** The digest that an address names, null when it is none. */
export function digestOf(part: string | undefined): string | null {
  if (part === undefined) return null;
  const hex = hexOf(part.toLowerCase());
  return HEX.test(hex) ? `sha256:${hex}` : null;
}

/** A path in an address, part by part. The site serves no address of which a part begins with a dot, so such a
 * part gets a `~` before it, as does one that has one already. */
export function encodePath(path: string): string {
  return path
    .split('/')
    .filter((p) => p !== '')
    .map((p) => (/^[.~]/.test(p) ? '~' : '') + encodeURIComponent(p.toWellFormed()))
    .join('/');
}

/** The path that an address's parts, already decoded by the router, stand for. */
export function decodePath(parts: string | undefined): string {
  return (parts ?? '')
    .split('/')
    .filter((p) => p !== '')
    .map((p) => (/^~[.~]/.test(p) ? p.slice(1) : p))
    .join('/');
}

export interface Lines {
  from: number;
  to: number;
}

/** `#L10`, `#L10-20` (and `#L10-L20`); null for anything else. */
export function linesOf(hash: string): Lines | null {
  const m = /^#?L(\d{1,10})(?:-L?(\d{1,10}))?$/.exec(hash);
  if (m === null) return null;
  const a = Number(m[1]);
  const b = m[2] === undefined ? a : Number(m[2]);
  if (a < 1 || b < 1) return null;
  return { from: Math.min(a, b), to: Math.max(a, b) };
}

export function hashOf(lines: Lines | null): string {
  if (lines === null) return '';
  return lines.from === lines.to ? `#L${lines.from}` : `#L${lines.from}-${lines.to}`;
}

export function sourceHref(source: string, path = '', lines: Lines | null = null): string {
  const p = encodePath(path);
  return `/source/${hexOf(source)}${p === '' ? '' : `/${p}`}${hashOf(lines)}`;
}

export function compareHref(from: string, to: string, path = ''): string {
  const p = encodePath(path);
  return `/compare/${hexOf(from)}/${hexOf(to)}${p === '' ? '' : `/${p}`}`;
}

export function coverageHref(source: string): string {
  return `/coverage/${hexOf(source)}`;
}

export function entryHref(index: number): string {
  return `/log/${index}`;
}

export interface Ask {
  q: string;
  mode: string;
  in: string;
  source: string;
  path: string;
}

export function searchHref(ask: Partial<Ask>): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(ask)) if (value) q.set(name, value);
  return `/search?${q.toString()}`;
}

/** `/api/v1/sources/D/WHAT`. */
export function sourceApi(source: string, what = ''): string {
  return `/sources/${source}${what}`;
}

/** The folder that a path is in; '' for the root. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
