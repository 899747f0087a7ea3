// SPDX-License-Identifier: Apache-2.0
// Bytes, and the few ways in which they are written: one strict reader for all formats.
import { sha256 } from '@noble/hashes/sha2';

/** Why something is not accepted, in groups as src/base/err.h has them. */
export type Refusal = 'syntax' | 'limit' | 'policy' | 'unknown' | 'signature' | 'quorum' | 'proof' | 'digest' | 'refused';

/** Something was checked and is not good. The message is one sentence that names who or what. */
export class VerifyError extends Error {
  constructor(
    readonly code: Refusal,
    message: string,
  ) {
    super(message);
    this.name = 'VerifyError';
  }
}

export function fail(code: Refusal, message: string): never {
  throw new VerifyError(code, message);
}

/** Gives an error a beginning that says where. */
export function within<T>(where: string, what: () => T): T {
  try {
    return what();
  } catch (e) {
    if (e instanceof VerifyError) throw new VerifyError(e.code, `${where}: ${e.message}`);
    throw e;
  }
}

/** Numbers of the formats are below 2^63. */
export const NUMBER_MAX = (1n << 63n) - 1n;

const encoder = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text, or null when the bytes are no UTF-8. A text gives back its bytes exactly. */
export function text(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** Each byte as the character of that number: for formats that are bytes and not UTF-8. */
export function latin1(bytes: Uint8Array): string {
  let s = '';
  for (let i = 0; i < bytes.length; i += 8192) s += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return s;
}

export function fromLatin1(s: string): Uint8Array {
  return Uint8Array.from(s, (c) => c.charCodeAt(0));
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    whole.set(p, at);
    at += p.length;
  }
  return whole;
}

/** Less than, equal to or greater than 0, byte by byte. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const d = (a[i] as number) - (b[i] as number);
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return compare(a, b) === 0;
}

export function digest(...parts: Uint8Array[]): Uint8Array {
  const h = sha256.create();
  for (const p of parts) h.update(p);
  return h.digest();
}

export function hex(bytes: Uint8Array): string {
  let s = '';
  for (const b of bytes) s += b.toString(16).padStart(2, '0');
  return s;
}

/** Lower-case hex digits of exactly `length` bytes, or null. */
export function unhex(s: string, length: number): Uint8Array | null {
  if (s.length !== 2 * length || !/^[0-9a-f]*$/.test(s)) return null;
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = Number.parseInt(s.slice(2 * i, 2 * i + 2), 16);
  return out;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) VALUES[DIGITS.charCodeAt(i)] = i;

/** Standard base64, padded, without stray bits; null when it is not. */
export function unb64(s: string): Uint8Array | null {
  if (s.length % 4 !== 0) return null;
  const padding = s.endsWith('==') ? 2 : s.endsWith('=') ? 1 : 0;
  const digits = s.length - padding;
  const out = new Uint8Array((s.length / 4) * 3 - padding);
  let acc = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < digits; i++) {
    const code = s.charCodeAt(i);
    const v = code < 128 ? (VALUES[code] as number) : -1;
    if (v < 0) return null;
    acc = ((acc << 6) | v) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out[at++] = acc >> bits;
  }
  return (acc & ((1 << bits) - 1)) === 0 ? out : null;
}

/** Base64 of exactly `length` bytes, or null. */
export function unb64Of(s: string, length: number): Uint8Array | null {
  const out = s.length === 4 * Math.ceil(length / 3) ? unb64(s) : null;
  return out !== null && out.length === length ? out : null;
}

export function b64(bytes: Uint8Array): string {
  let s = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const v = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    s += DIGITS[v >> 18];
    s += DIGITS[(v >> 12) & 63];
    s += i + 1 < bytes.length ? DIGITS[(v >> 6) & 63] : '=';
    s += i + 2 < bytes.length ? DIGITS[v & 63] : '=';
  }
  return s;
}

export function b64url(bytes: Uint8Array): string {
  return b64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** `sha256:HEX`, or null. */
export function digestOf(s: string): Uint8Array | null {
  return s.startsWith('sha256:') ? unhex(s.slice(7), 32) : null;
}

export function digestText(d: Uint8Array): string {
  return `sha256:${hex(d)}`;
}

/** A decimal number without sign and leading zeros, at most `max`; or null. */
export function decimal(s: string, max = NUMBER_MAX): bigint | null {
  if (!/^(0|[1-9][0-9]*)$/.test(s) || s.length > 20) return null;
  const n = BigInt(s);
  return n <= max ? n : null;
}

/** Seconds since 1970 of a time such as 2026-11-22T10:00:00Z that exists, or null. */
export function timeOf(s: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(s)) return null;
  const ms = Date.parse(s);
  return Number.isNaN(ms) || new Date(ms).toISOString() !== `${s.slice(0, 19)}.000Z` ? null : ms / 1000;
}

export function timeText(unix: bigint): string {
  const d = new Date(Number(unix) * 1000);
  return Number.isNaN(d.getTime()) ? `second ${unix}` : `${d.toISOString().slice(0, 19)}Z`;
}

/** Lines of a text. Each must end in a newline. */
export class Lines {
  private at = 0;
  constructor(readonly all: string) {}

  /** The next line without its newline; null when there is none that ends. */
  next(): string | null {
    const end = this.all.indexOf('\n', this.at);
    if (end < 0) return null;
    const line = this.all.slice(this.at, end);
    this.at = end + 1;
    return line;
  }

  /** Steps over a word at this very place. */
  skip(word: string): boolean {
    if (!this.all.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  get done(): boolean {
    return this.at === this.all.length;
  }

  get rest(): string {
    return this.all.slice(this.at);
  }
}

/** Big-endian numbers and runs of bytes. Methods give null when there is not enough. */
export class Reader {
  private at = 0;
  constructor(readonly all: Uint8Array) {}

  get left(): number {
    return this.all.length - this.at;
  }

  take(n: number): Uint8Array | null {
    if (n > this.left) return null;
    this.at += n;
    return this.all.subarray(this.at - n, this.at);
  }

  number(bytes: number): bigint | null {
    const b = this.take(bytes);
    if (b === null) return null;
    let v = 0n;
    for (const x of b) v = (v << 8n) | BigInt(x);
    return v;
  }
}

export function be64(n: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, n);
  return out;
}
