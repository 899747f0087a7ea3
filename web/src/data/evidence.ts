// SPDX-License-Identifier: Apache-2.0
// An entry of the log with its proof and its document, checked in this browser: what the site says of them is
// not believed. The policy is the visitor's own, or else the site's.
import { apiUrl, bytes, get } from '../lib/api';
import { hexOf } from '../lib/format';
import { policyInUse } from '../lib/policy';
import type { Digest, Entry as EntryAnswer } from '../lib/types';
import { digest, digestText, fail, text, unb64 } from '../lib/verify/bytes';
import { parseEntry, type Entry } from '../lib/verify/entry';
import { parseDocument, type LedgerDocument } from '../lib/verify/ledger';
import { verifyNote, type Note } from '../lib/verify/note';
import { parsePolicy, shown, type Policy } from '../lib/verify/policy';
import { signerOf } from '../lib/verify/policy_check';
import { checkTlogProof } from '../lib/verify/proof';

export interface Proven {
  index: number;
  entry: Entry;
  note: Note;
  /** The policy's name for who signed it. */
  signer: string;
  /** Witnesses vouch for this time of the checkpoint, in seconds; 0 for none. */
  vouched: bigint;
  size: bigint;
}

async function policyNow(): Promise<Policy> {
  return parsePolicy((await policyInUse()).data);
}

export function objectUrl(d: Digest): string {
  const hex = hexOf(d);
  return `/objects/sha256/${hex.slice(0, 2)}/${hex}`;
}

/** Bytes whose digest this is. Throws when the site gives others. */
export async function objectOf(d: Digest): Promise<Uint8Array> {
  const data = await bytes(objectUrl(d));
  if (digestText(digest(data)) !== d) fail('digest', 'the site gave another document than the entry names: their digests differ');
  return data;
}

/** Throws unless the bytes are the entry of that index in a log that the policy accepts. */
export async function proveEntry(index: number, data: Uint8Array, policy?: Policy): Promise<{ vouched: bigint; size: bigint }> {
  const proof = await bytes(apiUrl(`/entries/${index}/proof`));
  const checked = checkTlogProof(policy ?? (await policyNow()), proof, data);
  if (checked.index !== BigInt(index)) fail('proof', `the proof is of entry ${checked.index}, not of entry ${index}`);
  return { vouched: checked.vouched, size: checked.checkpoint.size };
}

/** The entry of that index: it is in the log, and signed by somebody whom the policy names. */
export async function provenEntry(index: number): Promise<Proven> {
  const answer = await get<EntryAnswer>(`/entries/${index}`);
  const data = unb64(answer.text);
  if (data === null) fail('syntax', `entry ${index} is not base64`);
  const { note, entry } = parseEntry(data);
  const policy = await policyNow();
  const { vouched, size } = await proveEntry(index, data, policy);
  const who = signerOf(policy, note);
  if (who === null) fail('unknown', `entry ${index} is signed by nobody whom the policy names`);
  verifyNote(note, who.party.key);
  return { index, entry, note, signer: shown(who.party.name), vouched, size };
}

/** A ledger entry with its document, which must be of that kind and signed by the entry's signer. */
export async function provenDocument(index: number, kind: string): Promise<Proven & { document: LedgerDocument }> {
  const proven = await provenEntry(index);
  if (proven.entry.kind !== kind) fail('digest', `entry ${index} is of kind ${proven.entry.kind}, not ${kind}`);
  const document = parseDocument(await objectOf(digestText(proven.entry.statement)));
  if (document.kind !== kind && `vault-${document.kind}` !== kind) fail('digest', `the document of entry ${index} is a ${document.kind}`);
  const who = signerOf(await policyNow(), proven.note);
  if (who !== null) verifyNote(document.note, who.party.key);
  return { ...proven, document };
}

/** The text of a review document (visits), whose entry is proven. */
export async function provenText(index: number, kind: string): Promise<Proven & { text: string }> {
  const proven = await provenEntry(index);
  if (proven.entry.kind !== kind) fail('digest', `entry ${index} is of kind ${proven.entry.kind}, not ${kind}`);
  const all = text(await objectOf(digestText(proven.entry.statement)));
  if (all === null) fail('syntax', 'the document is not UTF-8');
  return { ...proven, text: all };
}

