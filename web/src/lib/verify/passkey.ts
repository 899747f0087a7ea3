// SPDX-License-Identifier: Apache-2.0
// The signature of a passkey over a note's text: docs/formats/review.md, as src/note/passkey.c checks it.
import { p256 } from '@noble/curves/nist';
import { b64url, concat, digest, equal, fail, latin1, Reader } from './bytes';
import type { Vkey } from './vkey';

const AUTH_MIN = 37;
const AUTH_MAX = 512;
const CLIENT_MAX = 1024;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const N_SIZE = 32;

/** A positive DER INTEGER of at most 32 bytes in its shortest form, as 32 bytes. */
function integer(r: Reader): Uint8Array | null {
  const head = r.take(2);
  if (head === null || head[0] !== 0x02) return null;
  const v = r.take(head[1] as number);
  if (v === null || v.length === 0 || v.length > N_SIZE + 1) return null;
  const first = v[0] as number;
  if ((first & 0x80) !== 0 || (first === 0 && (v.length === 1 || ((v[1] as number) & 0x80) === 0))) return null;
  const digits = first === 0 ? v.subarray(1) : v;
  return digits.length > N_SIZE ? null : concat(new Uint8Array(N_SIZE - digits.length), digits);
}

/** r and s, 32 bytes each, of a canonical DER ECDSA signature; null for any other. */
export function unDer(der: Uint8Array): Uint8Array | null {
  const r = new Reader(der);
  const head = r.take(2);
  if (head === null || head[0] !== 0x30 || (head[1] as number) > 0x7f || head[1] !== r.left) return null;
  const a = integer(r);
  const b = a === null ? null : integer(r);
  return a === null || b === null || r.left > 0 ? null : concat(a, b);
}

interface Parts {
  auth: Uint8Array;
  client: Uint8Array;
  der: Uint8Array;
}

function split(signature: Uint8Array): Parts {
  const r = new Reader(signature);
  const n = r.number(2);
  const auth = n === null ? null : r.take(Number(n));
  const m = auth === null ? null : r.number(2);
  const client = m === null ? null : r.take(Number(m));
  if (auth === null || client === null) fail('signature', "the passkey's signature is cut short");
  if (auth.length < AUTH_MIN || auth.length > AUTH_MAX) fail('signature', `authenticator data has ${AUTH_MIN} to ${AUTH_MAX} bytes, not ${auth.length}`);
  if (client.length > CLIENT_MAX) fail('signature', `client data has at most ${CLIENT_MAX} bytes, not ${client.length}`);
  return { auth, client, der: r.take(r.left) ?? new Uint8Array() };
}

function checkAuth(auth: Uint8Array, rp: Uint8Array | null): void {
  const flags = auth[32] as number;
  if (rp === null || !equal(auth.subarray(0, 32), rp)) fail('signature', 'the passkey was used for another site than its own');
  if ((flags & USER_PRESENT) === 0) fail('signature', "the authenticator did not ask for its user's presence");
  if ((flags & USER_VERIFIED) === 0) fail('signature', 'the authenticator did not verify its user');
}

/** The one place of the client data that counts is found without parsing JSON. */
function checkClient(client: Uint8Array, note: Uint8Array): void {
  const said = latin1(client);
  const challenge = /^\{"type":"webauthn\.get","challenge":"(.{43})","origin":"/s.exec(said)?.[1];
  if (challenge === undefined) fail('signature', 'the client data does not begin with the type webauthn.get, a challenge of 32 bytes and the origin');
  if (challenge !== b64url(digest(note))) fail('signature', 'the passkey signed another text');
}

function ecdsaOk(key: Uint8Array, message: Uint8Array, der: Uint8Array): boolean {
  const rs = unDer(der);
  if (rs === null) return false;
  try {
    return p256.verify(rs, message, key, { lowS: false, prehash: false });
  } catch {
    return false; // a number out of range
  }
}

/** Whether 33 bytes are a point of the curve, compressed. */
export function isPoint(key: Uint8Array): boolean {
  try {
    p256.ProjectivePoint.fromHex(key).assertValidity();
    return key[0] === 2 || key[0] === 3;
  } catch {
    return false;
  }
}

/** Throws unless `signature`, what follows the key id in a note's line, is this passkey's over the text. */
export function passkeyVerify(k: Vkey, note: Uint8Array, signature: Uint8Array): void {
  const { auth, client, der } = split(signature);
  checkAuth(auth, k.rp);
  checkClient(client, note);
  if (!ecdsaOk(k.key, digest(auth, digest(client)), der)) fail('signature', "the passkey's ECDSA signature does not verify");
}
