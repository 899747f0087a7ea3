// SPDX-License-Identifier: Apache-2.0
// From a document to a proven entry of the log: signed by the passkey, verified here, sent, and looked for in
// a checkpoint that the policy accepts.
import { get } from '../lib/api';
import { proveEntry } from '../data/evidence';
import type { CheckpointView } from '../lib/types';
import type { ReviewerAccount } from '../lib/types-source';
import { decimal, utf8, VerifyError } from '../lib/verify/bytes';
import { parseEntry } from '../lib/verify/entry';
import { verifyNote } from '../lib/verify/note';
import { parseVkey } from '../lib/verify/vkey';
import { sign } from './passkey';
import { challengeOf, reviewBody, signedEntry } from './write';

const POLL_MS = 1500;
const POLLS_MAX = 80;

/** The key of an account, as the site lists it. */
export async function accountOf(name: string): Promise<ReviewerAccount> {
  const { items } = await get<{ items: ReviewerAccount[] }>('/reviewers');
  const found = items.find((r) => r.name === name);
  if (found === undefined) throw new Error(`The site lists no reviewer ${name}.`);
  return found;
}

/** Signs the text of an entry, and checks the signature as everybody will. */
export async function signEntry(text: string, vkey: string, rp: string): Promise<string> {
  const entry = signedEntry(text, vkey, await sign(challengeOf(text), rp));
  try {
    verifyNote(parseEntry(utf8(entry)).note, parseVkey(vkey));
  } catch (e) {
    if (e instanceof VerifyError && e.code === 'signature') throw new Error('The signature is not of your account’s key. Was it another account’s passkey? Nothing was sent.');
    throw e;
  }
  return entry;
}

/** POST /review: gives the index. The site answers in plain text. */
export async function sendReview(document: string, entry: string): Promise<number> {
  const answer = await fetch('/review', { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: reviewBody(document, entry) });
  const says = (await answer.text()).trim();
  if (!answer.ok) throw new Error(says.slice(0, 300) || `The site answered with status ${answer.status}.`);
  const index = decimal(says, 2n ** 53n - 1n);
  if (index === null) throw new Error('The site took it, but gave no index.');
  return Number(index);
}

/** Waits for a checkpoint that covers the entry, and checks the proof. Gives the size of its tree. */
export async function awaitProof(index: number, entry: string, stop: AbortSignal): Promise<bigint> {
  for (let i = 0; ; i++) {
    stop.throwIfAborted();
    const published = await get<CheckpointView>('/checkpoint').catch(() => null);
    if (published !== null && published.size > index) {
      try {
        return (await proveEntry(index, utf8(entry))).size;
      } catch (e) {
        if (i >= POLLS_MAX || e instanceof VerifyError) throw e;
      }
    }
    if (i >= POLLS_MAX) throw new Error('The entry is in the log, but no cosigned checkpoint covers it yet. Look at the entry later.');
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
}
