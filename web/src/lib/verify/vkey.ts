// SPDX-License-Identifier: Apache-2.0
// Verifier keys: docs/formats/note.md and, for passkeys, docs/formats/review.md.
import { concat, digest, fail, fromLatin1, hex, text, unb64, unhex, utf8 } from './bytes';
import { isPoint } from './passkey';

export const NAME_MAX = 128;
export const PASSKEY_LABEL = 'vitrine/webauthn-es256/v1';

/** 01: Ed25519 over the text. 04: Ed25519 cosignature. ff: a passkey (WebAuthn, ES256). */
export type KeyType = 0x01 | 0x04 | 0xff;

export interface Vkey {
  name: string;
  type: KeyType;
  /** The first four bytes of the key's digest. */
  id: Uint8Array;
  /** Ed25519: 32 bytes. Passkey: the P-256 point, compressed, 33 bytes. */
  key: Uint8Array;
  /** Of a passkey: SHA-256 of the RP ID. */
  rp: Uint8Array | null;
}

// Unicode's White_Space, plus, and what is below a space.
const NAME_BAD = /[\u0000-\u0020+\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/u;

export function nameValid(name: string): boolean {
  return name.length > 0 && !NAME_BAD.test(name);
}

export function keyId(name: string, key: Uint8Array): Uint8Array {
  return digest(utf8(`${name}\n`), key).slice(0, 4);
}

function passkeyOf(bytes: Uint8Array): { key: Uint8Array; rp: Uint8Array } {
  const label = utf8(`${PASSKEY_LABEL}\0`);
  const at = 1 + label.length;
  if (bytes.length !== at + 65 || !label.every((b, i) => bytes[1 + i] === b)) {
    fail('syntax', `key type ff is known only as ${PASSKEY_LABEL}, with ${at + 65} bytes`);
  }
  const key = bytes.slice(at + 32);
  if (!isPoint(key)) fail('syntax', 'the key of a passkey is not a point of P-256');
  return { key, rp: bytes.slice(at, at + 32) };
}

function keyOf(bytes: Uint8Array): Pick<Vkey, 'type' | 'key' | 'rp'> {
  const type = bytes[0] as number;
  if (type === 0x06) {
    fail('syntax', "key type 06 (ML-DSA-44 cosignature) is not supported here: name the party's key of type 04");
  }
  if (type === 0xff) return { type, ...passkeyOf(bytes) };
  if (type !== 0x01 && type !== 0x04) fail('syntax', `key type ${hex(bytes.subarray(0, 1))} is none of 01, 04 and ff`);
  if (bytes.length !== 33) fail('syntax', `an Ed25519 key has 32 bytes, this one has ${bytes.length - 1}`);
  return { type, key: bytes.slice(1), rp: null };
}

/** `NAME+KEYID+BASE64`, each byte of it a character (bytes.latin1). */
export function parseVkey(word: string): Vkey {
  const a = word.indexOf('+');
  const b = word.indexOf('+', a + 1);
  const id = a < 0 || b < 0 ? null : unhex(word.slice(a + 1, b), 4);
  if (id === null) fail('syntax', 'a vkey is NAME+KEYID+KEY, the id 8 lower-case hex digits and the key base64');
  const bytes = unb64(word.slice(b + 1));
  if (bytes === null || bytes.length < 3) fail('syntax', 'the key of a vkey is not base64');
  const name = text(fromLatin1(word.slice(0, a)));
  if (a > NAME_MAX || name === null || !nameValid(name)) {
    fail('syntax', `the name of a vkey is not 1 to ${NAME_MAX} bytes of UTF-8 without space and \`+\``);
  }
  const key = keyOf(bytes);
  const want = keyId(name, bytes);
  if (hex(want) !== hex(id)) fail('syntax', `the key id of \`${name}\` should be ${hex(want)}: the vkey was changed or mistyped`);
  return { name, id: want, ...key };
}

/** The bytes after which a vkey and its key id are made. */
export function keyBytes(k: Pick<Vkey, 'type' | 'key' | 'rp'>): Uint8Array {
  if (k.type === 0xff) return concat(Uint8Array.of(0xff), utf8(`${PASSKEY_LABEL}\0`), k.rp ?? new Uint8Array(), k.key);
  return concat(Uint8Array.of(k.type), k.key);
}
