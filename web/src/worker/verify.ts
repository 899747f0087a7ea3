// SPDX-License-Identifier: Apache-2.0
// The worker: hashing and checking, away from the page's own thread.
import { sha256 } from '@noble/hashes/sha2';
import { hex, unhex } from '../lib/verify/bytes';
import { checkLogEntry, checkLogState } from '../lib/verify/log_check';
import { checkPassport } from '../lib/verify/passport_check';
import type { OnStep } from '../lib/verify/steps';
import type { Answer, Ask, JobName, Jobs } from './messages';

declare const self: DedicatedWorkerGlobalScope;

function say(answer: Answer): void {
  self.postMessage(answer);
}

const PROGRESS_EVERY = 4 * 1024 * 1024;

async function hashFile(id: number, file: Blob): Promise<string> {
  const h = sha256.create();
  const reader = file.stream().getReader();
  let done = 0;
  let told = 0;
  for (;;) {
    const piece = await reader.read();
    if (piece.done) break;
    h.update(piece.value);
    done += piece.value.length;
    if (done - told >= PROGRESS_EVERY) {
      told = done;
      say({ id, done, total: file.size });
    }
  }
  return hex(h.digest());
}

/** A file of the site itself; null when it is not there. */
async function fetchOwn(path: string): Promise<Uint8Array | null> {
  const answer = await fetch(`/${path}`);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`/${path} was answered with status ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function run(ask: Ask): Promise<Jobs[JobName]['gives']> {
  const onStep: OnStep = (step) => say({ id: ask.id, step });
  switch (ask.job) {
    case 'passport': {
      const { passport, policy, artifact } = ask.asks;
      return checkPassport(passport, policy, artifact === null ? null : unhex(artifact, 32), onStep);
    }
    case 'hash':
      return hashFile(ask.id, ask.asks.file);
    case 'log':
      return checkLogState(ask.asks.policy, ask.asks.note, ask.asks.seen, fetchOwn, onStep);
    case 'entry': {
      const { policy, note, index, bytes, statement } = ask.asks;
      return checkLogEntry(policy, note, BigInt(index), bytes, statement, fetchOwn, onStep);
    }
  }
}

self.onmessage = (e: MessageEvent<Ask>) => {
  const ask = e.data;
  run(ask).then(
    (result) => say({ id: ask.id, result }),
    (error: unknown) => say({ id: ask.id, error: error instanceof Error ? error.message : String(error) }),
  );
};
