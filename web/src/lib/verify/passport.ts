// SPDX-License-Identifier: Apache-2.0
// Passports: docs/formats/passport.md; the form, as src/note/passport.c reads it.
import { decimal, digest, digestOf, equal, fail, Lines, text, unb64, unb64Of, utf8, within } from './bytes';
import { parseCheckpoint } from './checkpoint';
import { ENTRY_MAX, parseEntry, type Entry } from './entry';
import { PROOF_MAX } from './merkle';
import type { Note } from './note';
import { nameValid } from './vkey';

export const PASSPORT_MAX = 2 * 1024 * 1024;
export const ENTRIES_MAX = 64;
const HEAD = 'vitrine/passport/v1';

export interface PassportItem {
  index: bigint;
  bytes: Uint8Array;
  note: Note;
  entry: Entry;
  path: Uint8Array[];
}

export interface Passport {
  artifact: Uint8Array;
  items: PassportItem[];
  /** The checkpoint's bytes, signature lines included. */
  checkpoint: Uint8Array;
}

/** Lines of hashes up to an empty line. */
export function takePath(lines: Lines): Uint8Array[] {
  const path: Uint8Array[] = [];
  for (;;) {
    const line = lines.next();
    if (line === null) fail('syntax', "the path's hashes do not end in an empty line");
    if (line === '') return path;
    if (path.length === PROOF_MAX) fail('limit', `a path has more than ${PROOF_MAX} hashes`);
    const hash = unb64Of(line, 32);
    if (hash === null) fail('syntax', `hash ${path.length} of a path is not base64 of 32 bytes`);
    path.push(hash);
  }
}

/** `INDEX BASE64` and the path's lines; the first word is taken already. */
function parseItem(lines: Lines, before: PassportItem | undefined): PassportItem {
  const line = lines.next() ?? '';
  const at = line.indexOf(' ');
  const index = at < 0 ? null : decimal(line.slice(0, at));
  if (index === null) fail('syntax', "an entry's line is not `entry INDEX BASE64`");
  const bytes = unb64(line.slice(at + 1));
  if (bytes === null || bytes.length === 0 || bytes.length > ENTRY_MAX) fail('syntax', `entry ${index} is not base64 of 1 to ${ENTRY_MAX} bytes`);
  if (before !== undefined && before.index >= index) fail('syntax', `entry ${index} is out of order or there twice`);
  return within(`entry ${index}`, () => {
    const path = takePath(lines);
    return { index, bytes, path, ...parseEntry(bytes) };
  });
}

function takeDigest(lines: Lines, name: string): Uint8Array | null {
  const line = lines.next() ?? '';
  return line.startsWith(name) ? digestOf(line.slice(name.length)) : null;
}

function parseHead(lines: Lines): { artifact: Uint8Array; checkpoint: Uint8Array } {
  if (lines.next() !== HEAD) fail('syntax', `line 1 of a passport must be \`${HEAD}\``);
  const artifact = takeDigest(lines, 'artifact ');
  if (artifact === null) fail('syntax', 'line 2 of a passport must be `artifact sha256:HEX`');
  const checkpoint = takeDigest(lines, 'checkpoint ');
  if (checkpoint === null) fail('syntax', 'line 3 of a passport must be `checkpoint sha256:HEX`');
  if (lines.next() !== '') fail('syntax', 'line 4 of a passport must be empty');
  return { artifact, checkpoint };
}

function checkOrigin(checkpoint: Uint8Array): void {
  const { origin } = within("the passport's checkpoint", () => parseCheckpoint(checkpoint)).checkpoint;
  if (!nameValid(origin)) fail('syntax', `the origin \`${origin}\` of the checkpoint is no key's name`);
}

/** What vitrine writes and nothing else. */
export function parsePassport(data: Uint8Array): Passport {
  if (data.length > PASSPORT_MAX) fail('limit', `a passport has at most ${PASSPORT_MAX} bytes`);
  const all = text(data);
  if (all === null) fail('syntax', 'a passport must be UTF-8: the file is damaged, or is no passport');
  const lines = new Lines(all);
  const head = parseHead(lines);
  const items: PassportItem[] = [];
  while (lines.skip('entry ')) {
    const item = parseItem(lines, items.at(-1));
    if (items.length === ENTRIES_MAX) fail('limit', `a passport has at most ${ENTRIES_MAX} entries`);
    items.push(item);
  }
  const checkpoint = utf8(lines.rest);
  if (!equal(digest(checkpoint), head.checkpoint)) {
    fail('digest', "the passport's checkpoint is not the one it was made with: the file is damaged");
  }
  checkOrigin(checkpoint);
  return { artifact: head.artifact, items, checkpoint };
}
