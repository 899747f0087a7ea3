// SPDX-License-Identifier: Apache-2.0
// Numbers, times, sizes and digests as people read them. One language (English, 24 hours, UTC) so
// that two people who compare screens see the same letters.

const NUMBER = new Intl.NumberFormat('en-GB');
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone: 'UTC' });
const REGIONS = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' });

export function count(n: number): string {
  return NUMBER.format(n);
}

/** "1 file", "1,234 files"; an irregular plural is given. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Bytes in decimal units: "13 bytes", "4.2 MB". */
export function size(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  if (bytes < 1000) return plural(bytes, 'byte');
  let n = bytes;
  let unit = -1;
  do {
    n /= 1000;
    unit++;
  } while (n >= 999.5 && unit < units.length - 1);
  return `${n < 9.95 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

/** Seconds: "40 s", "3 min 20 s", "2 h 5 min", "3 days". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 === 0 ? `${s / 60} min` : `${Math.floor(s / 60)} min ${s % 60} s`;
  const min = Math.round(s / 60);
  if (min < 48 * 60) return min % 60 === 0 ? `${min / 60} h` : `${Math.floor(min / 60)} h ${min % 60} min`;
  return plural(Math.round(s / 86400), 'day');
}

/** "22 Nov 2026, 10:00:00 UTC"; what is no time is given back as it is. */
export function time(t: string | number): string {
  const d = new Date(typeof t === 'number' ? t * 1000 : t);
  return Number.isNaN(d.getTime()) ? String(t) : `${DAY.format(d)}, ${CLOCK.format(d)} UTC`;
}

export function day(t: string): string {
  const d = new Date(t);
  return Number.isNaN(d.getTime()) ? t : DAY.format(d);
}

/** "2 min ago", "in 3 days"; "just now" below a minute. */
export function ago(t: string, now = Date.now()): string {
  const s = (now - new Date(t).getTime()) / 1000;
  if (Number.isNaN(s)) return t;
  if (Math.abs(s) < 60) return 'just now';
  const rough = Math.abs(s) < 3600 ? Math.round(s / 60) * 60 : Math.abs(s) < 86400 ? Math.round(s / 3600) * 3600 : s;
  const d = Math.abs(s) < 86400 ? duration(Math.abs(rough)) : plural(Math.round(Math.abs(s) / 86400), 'day');
  return s > 0 ? `${d} ago` : `in ${d}`;
}

/** The hex digits without `sha256:`. */
export function hexOf(digest: string): string {
  return digest.startsWith('sha256:') ? digest.slice(7) : digest;
}

/** "bc7d9595…3854": enough to tell two apart by eye; the rest is one click away. */
export function short(digest: string, head = 8, tail = 4): string {
  const hex = hexOf(digest);
  return hex.length <= head + tail + 1 ? hex : `${hex.slice(0, head)}…${hex.slice(-tail)}`;
}

export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const p = (100 * part) / whole;
  return `${p > 0 && p < 1 ? '<1' : p < 100 && p > 99 ? '>99' : Math.round(p)} %`;
}

/** "CH" gives "Switzerland"; what is no code of a country is given back. */
export function country(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  try {
    return REGIONS.of(code) ?? code;
  } catch {
    return code;
  }
}

/** A URL from the log or the policy that may be made a link, or null: http and https only. */
export function safeUrl(url: string): string | null {
  try {
    const u = new URL(url, location.origin);
    return u.protocol === 'https:' || u.protocol === 'http:' ? u.href : null;
  } catch {
    return null;
  }
}

/** The path of a file of the site out of an answer, to be asked of where this page came from (which may be a mirror, or
 * have several names); null when it is no address. */
export function ownPath(url: string): string | null {
  try {
    const u = new URL(url, location.origin);
    return u.protocol === 'https:' || u.protocol === 'http:' ? u.pathname + u.search : null;
  } catch {
    return null;
  }
}

/** A word of a command line: quoted unless it is plain, so that a name out of the log can do no harm when it is pasted. */
export function shellWord(s: string): string {
  if (/^[A-Za-z0-9_./:@%+=,~-]+$/.test(s) && !s.startsWith('-') && !s.startsWith('~')) return s;
  return `'${s.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?').replaceAll("'", "'\\''")}'`;
}

/** A message of the site or the checker as a sentence. */
export function sentence(message: string | null): string {
  if (message === null || message === '') return '';
  const first = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
