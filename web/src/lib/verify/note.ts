// SPDX-License-Identifier: Apache-2.0
// Signed notes: docs/formats/note.md, as strict as src/note/note.c.
import { ed25519 } from '@noble/curves/ed25519';
import { equal, fail, hex, text, unb64, utf8, within } from './bytes';
import { passkeyVerify } from './passkey';
import { nameValid, type Vkey } from './vkey';

export const NOTE_MAX = 1024 * 1024;
export const SIGS_MAX = 64;

export interface NoteSig {
  name: string;
  id: Uint8Array;
  /** What follows the key id. */
  bytes: Uint8Array;
}

export interface Note {
  /** All that is signed, its last newline included. */
  text: string;
  bytes: Uint8Array;
  sigs: NoteSig[];
}

const PREFIX = '\u2014 ';
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

function parseSig(line: string, number: number): NoteSig {
  const at = line.indexOf(' ', PREFIX.length);
  const name = line.slice(PREFIX.length, at);
  const raw = line.startsWith(PREFIX) && at > 0 ? unb64(line.slice(at + 1)) : null;
  if (raw === null || raw.length <= 4 || !nameValid(name)) fail('syntax', `signature line ${number} of a note is not \`\u2014 NAME BASE64\``);
  return { name, id: raw.slice(0, 4), bytes: raw.slice(4) };
}

export function parseNote(data: Uint8Array): Note {
  if (data.length > NOTE_MAX) fail('limit', `a signed note has more than ${NOTE_MAX} bytes`);
  const all = text(data);
  if (all === null) fail('syntax', 'a signed note must be UTF-8');
  if (CONTROL.test(all)) fail('syntax', 'a signed note has a control character');
  const at = all.lastIndexOf('\n\n');
  const sigs = all.slice(at + 2);
  if (at < 0 || sigs === '' || !all.endsWith('\n')) fail('syntax', 'a signed note must end in an empty line and signature lines; is it cut short?');
  const lines = sigs.slice(0, -1).split('\n');
  if (lines.length > SIGS_MAX) fail('limit', `a signed note has more than ${SIGS_MAX} signatures`);
  const signed = all.slice(0, at + 1);
  return { text: signed, bytes: utf8(signed), sigs: lines.map((line, i) => parseSig(line, i + 1)) };
}

export function sigIs(sig: NoteSig, k: Vkey): boolean {
  return sig.name === k.name && equal(sig.id, k.id);
}

export function ed25519Verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  try {
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    return false; // no point of the curve
  }
}

function checkSig(k: Vkey, note: Note, sig: NoteSig): void {
  if (k.type === 0xff) within(`the signature of \`${k.name}\` does not verify`, () => passkeyVerify(k, note.bytes, sig.bytes));
  else if (!ed25519Verify(k.key, note.bytes, sig.bytes)) fail('signature', `the signature of \`${k.name}\` does not verify`);
}

/** Throws unless the key signed the note, and all of its lines verify. */
export function verifyNote(note: Note, k: Vkey): void {
  if (k.type === 0x04) fail('syntax', `the key \`${k.name}\` is a cosigner's and signs no notes`);
  const own = note.sigs.filter((s) => sigIs(s, k));
  for (const sig of own) checkSig(k, note, sig);
  if (own.length === 0) fail('unknown', `not signed by \`${k.name}\` (key id ${hex(k.id)})`);
}
