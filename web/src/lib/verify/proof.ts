// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-proof files: docs/formats/note.md.
import { decimal, digest, equal, fail, Lines, text, unb64, utf8, within } from './bytes';
import { checkInclusion, leafHash } from './merkle';
import { NOTE_MAX } from './note';
import { takePath } from './passport';
import { checkCheckpoint, type CheckedCheckpoint } from './policy_check';
import type { Policy } from './policy';

const HEAD = 'c2sp.org/tlog-proof@v1';

export interface TlogProof {
  index: bigint;
  path: Uint8Array[];
  checkpoint: Uint8Array;
}

/** The seal is the SHA-256 of all bytes after the `extra` line. */
function checkSeal(line: string, rest: string): void {
  const extra = unb64(line.slice('extra '.length));
  if (extra === null || extra.length === 0) fail('syntax', 'the `extra` line of a tlog-proof is not base64');
  if (extra.length !== 32) fail('syntax', "the proof's `extra` is not a SHA-256: it is another application's, or damaged");
  if (!equal(extra, digest(utf8(rest)))) fail('digest', 'the proof is damaged: its bytes are not those that its `extra` line was made over');
}

export function parseTlogProof(data: Uint8Array): TlogProof {
  if (data.length > NOTE_MAX) fail('limit', `a tlog-proof has more than ${NOTE_MAX} bytes`);
  const all = text(data);
  if (all === null) fail('syntax', 'a tlog-proof must be UTF-8');
  const lines = new Lines(all);
  if (lines.next() !== HEAD) fail('syntax', `a tlog-proof begins with the line \`${HEAD}\``);
  let line = lines.next();
  if (line !== null && line.startsWith('extra ')) {
    checkSeal(line, lines.rest);
    line = lines.next();
  }
  const index = line !== null && line.startsWith('index ') ? decimal(line.slice(6)) : null;
  if (index === null) fail('syntax', 'a tlog-proof has no line `index N` where it belongs');
  const path = within('tlog-proof', () => takePath(lines));
  if (lines.done) fail('syntax', 'a tlog-proof ends before its checkpoint');
  return { index, path, checkpoint: utf8(lines.rest) };
}

/** Throws unless the entry is in a log that the policy accepts, by this proof. */
export function checkTlogProof(p: Policy, proof: Uint8Array, entry: Uint8Array): CheckedCheckpoint & { index: bigint } {
  const parsed = parseTlogProof(proof);
  const checked = checkCheckpoint(p, parsed.checkpoint);
  const { origin, size, root } = checked.checkpoint;
  within(`entry ${parsed.index} of ${origin}`, () => checkInclusion(parsed.index, size, leafHash(entry), parsed.path, root));
  return { ...checked, index: parsed.index };
}
