// SPDX-License-Identifier: Apache-2.0
// Checkpoints and cosignatures: docs/formats/note.md.
import { concat, decimal, fail, Lines, NUMBER_MAX, Reader, unb64Of, utf8 } from './bytes';
import { ed25519Verify, parseNote, sigIs, type Note } from './note';
import { NAME_MAX, type Vkey } from './vkey';

const TEXT_MAX = 4096;

export interface Checkpoint {
  origin: string;
  size: bigint;
  root: Uint8Array;
}

/** The text of a checkpoint, without signatures. */
export function parseCheckpointText(all: string): Checkpoint {
  if (utf8(all).length > TEXT_MAX) fail('limit', `a checkpoint's text has more than ${TEXT_MAX} bytes`);
  const lines = new Lines(all);
  const origin = lines.next();
  if (origin === null || origin === '' || utf8(origin).length > NAME_MAX) fail('syntax', `line 1 of a checkpoint is not an origin of 1 to ${NAME_MAX} bytes`);
  const size = decimal(lines.next() ?? '');
  if (size === null) fail('syntax', "line 2 of a checkpoint is not the tree's size");
  const root = unb64Of(lines.next() ?? '', 32);
  if (root === null) fail('syntax', "line 3 of a checkpoint is not the tree's root");
  while (!lines.done) {
    const line = lines.next();
    if (line === null || line === '') fail('syntax', 'an extension line of a checkpoint is empty');
  }
  return { origin, size, root };
}

export function parseCheckpoint(data: Uint8Array): { note: Note; checkpoint: Checkpoint } {
  const note = parseNote(data);
  return { note, checkpoint: parseCheckpointText(note.text) };
}

/** The newest time at which the witness cosigned the note; null when it did not. A line of its that does not verify throws. */
export function cosignedAt(note: Note, k: Vkey): bigint | null {
  let last: bigint | null = null;
  for (const sig of note.sigs) {
    if (!sigIs(sig, k)) continue;
    const r = new Reader(sig.bytes);
    const time = r.number(8);
    const ed = r.take(64);
    const message = concat(utf8(`cosignature/v1\ntime ${time}\n`), note.bytes);
    if (time === null || ed === null || r.left > 0 || time > NUMBER_MAX || !ed25519Verify(k.key, message, ed)) {
      fail('signature', `the cosignature of \`${k.name}\` does not verify`);
    }
    if (last === null || time > last) last = time;
  }
  return last;
}
