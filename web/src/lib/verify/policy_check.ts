// SPDX-License-Identifier: Apache-2.0
// Asking a policy: src/note/policy_check.c.
import { fail, VerifyError } from './bytes';
import { cosignedAt, parseCheckpoint, type Checkpoint } from './checkpoint';
import type { Kind } from './entry';
import { sigIs, verifyNote, type Note } from './note';
import { shown, type Demand, type Party, type Policy } from './policy';
import { quorumFailure, quorumMet } from './quorum';

/** The signer whom an entry's one signature line claims; null for one whom the policy does not know. */
export function signerOf(p: Policy, note: Note): { party: Party; at: number } | null {
  const sig = note.sigs[0];
  if (sig === undefined || note.sigs.length !== 1) return null;
  const at = p.signers.findIndex((s) => sigIs(sig, s.key));
  return at < 0 ? null : { party: p.signers[at] as Party, at };
}

/** A log of that origin signed it; every line of such a log verifies. */
function checkOrigin(p: Policy, note: Note, origin: string): void {
  const logs = p.logs.filter((l) => l.key.name === origin);
  if (logs.length === 0) fail('unknown', `the checkpoint is of \`${origin}\`, a log that the policy does not name`);
  let signed = false;
  for (const log of logs) {
    try {
      verifyNote(note, log.key);
      signed = true;
    } catch (e) {
      if (e instanceof VerifyError && e.code === 'unknown') continue;
      fail('signature', `checkpoint: the signature of the log \`${origin}\` does not verify`);
    }
  }
  if (!signed) fail('unknown', `the checkpoint of \`${origin}\` has no signature by the log's key in the policy`);
}

/** Parses a checkpoint and checks that a log of the policy signed it. */
export function checkLog(p: Policy, data: Uint8Array): { note: Note; checkpoint: Checkpoint } {
  let parsed: { note: Note; checkpoint: Checkpoint };
  try {
    parsed = parseCheckpoint(data);
  } catch (e) {
    if (e instanceof VerifyError) fail(e.code, `checkpoint: ${e.message}`);
    throw e;
  }
  checkOrigin(p, parsed.note, parsed.checkpoint.origin);
  return parsed;
}

export interface Cosigned {
  /** By witness of the policy, in its order: when it cosigned, or null. */
  times: (bigint | null)[];
  /** The greatest time such that the cosignatures made then or later are a quorum; 0 with `quorum none`. */
  vouched: bigint;
}

function vouchedTime(p: Policy, node: number, times: (bigint | null)[]): bigint {
  let best = 0n;
  for (const t of times) {
    if (t === null || t <= best) continue;
    if (quorumMet(p, node, times.map((u) => u !== null && u >= t))) best = t;
  }
  return best;
}

export function checkQuorum(p: Policy, note: Note): Cosigned {
  const times = p.witnesses.map((w) => {
    try {
      return cosignedAt(note, w.key);
    } catch {
      fail('signature', `checkpoint: the cosignature of witness \`${shown(w.name)}\` does not verify`);
    }
  });
  if (p.quorum.of === 'none') return { times, vouched: 0n };
  const has = times.map((t) => t !== null);
  if (!quorumMet(p, p.quorum.node, has)) fail('quorum', `checkpoint: ${quorumFailure(p, p.quorum.node, has, 'cosignature')}`);
  return { times, vouched: vouchedTime(p, p.quorum.node, times) };
}

export interface CheckedCheckpoint extends Cosigned {
  checkpoint: Checkpoint;
  note: Note;
}

export function checkCheckpoint(p: Policy, data: Uint8Array): CheckedCheckpoint {
  const { note, checkpoint } = checkLog(p, data);
  return { note, checkpoint, ...checkQuorum(p, note) };
}

/** Throws unless these signers (by their place in the policy) satisfy the kind's `require` line. */
export function checkSigners(p: Policy, kind: Kind, has: boolean[]): void {
  const demand: Demand | undefined = p.require.get(kind);
  if (demand === undefined) {
    fail('policy', `the policy does not say who must sign ${kind} entries: add a line \`require ${kind} NAME\`, or \`require ${kind} none\``);
  }
  if (demand.of === 'none' || quorumMet(p, demand.node, has)) return;
  fail('quorum', `${kind}: ${quorumFailure(p, demand.node, has, 'signature')}`);
}
