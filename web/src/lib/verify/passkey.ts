// SPDX-License-Identifier: Apache-2.0
// The signature of a passkey over a note's text: docs/formats/review.md, as src/note/passkey.c checks it.
import { p256 } from '@noble/curves/nist';
import { b64url, concat, digest, equal, Reader, text } from './bytes';
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

function parts(signature: Uint8Array): Parts | null {
  const r = new Reader(signature);
  const auth = r.take(Number(r.number(2) ?? 0n));
  const client = auth === null ? null : r.take(Number(r.number(2) ?? 0n));
  if (auth === null || client === null || auth.length < AUTH_MIN || auth.length > AUTH_MAX || client.length > CLIENT_MAX) return null;
  const der = r.take(r.left);
  return der === null || der.length === 0 ? null : { auth, client, der };
}

function clientOk(client: Uint8Array, note: Uint8Array): boolean {
  const said = text(client);
  return said !== null && said.startsWith(`{"type":"webauthn.get","challenge":"${b64url(digest(note))}","origin":"`);
}

/** Whether `signature`, what follows the key id in a note's line, is this passkey's over the text. */
export function passkeyVerify(k: Vkey, note: Uint8Array, signature: Uint8Array): boolean {
  const p = parts(signature);
  if (p === null || k.rp === null || !equal(p.auth.subarray(0, 32), k.rp)) return false;
  const flags = p.auth[32] as number;
  if ((flags & USER_PRESENT) === 0 || (flags & USER_VERIFIED) === 0 || !clientOk(p.client, note)) return false;
  const rs = unDer(p.der);
  if (rs === null) return false;
  try {
    return p256.verify(rs, digest(p.auth, digest(p.client)), k.key, { lowS: false, prehash: false });
  } catch {
    return false; // a point that is not on the curve, a number out of range
  }
}
