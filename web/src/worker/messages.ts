// SPDX-License-Identifier: Apache-2.0
// What the page asks its worker, and what comes back.
import type { LogResult, Seen } from '../lib/verify/log_check';
import type { PassportResult } from '../lib/verify/passport_check';
import type { CheckStep } from '../lib/verify/steps';

export interface Jobs {
  /** `artifact`: hex SHA-256 of the file at hand, or null. */
  passport: { asks: { passport: Uint8Array; policy: Uint8Array; artifact: string | null }; gives: PassportResult };
  /** SHA-256 of a file, in hex, read piece by piece. */
  hash: { asks: { file: Blob }; gives: string };
  log: { asks: { policy: Uint8Array; note: Uint8Array; seen: Seen | null }; gives: LogResult };
  entry: { asks: { policy: Uint8Array; note: Uint8Array; index: string; bytes: Uint8Array; statement: Uint8Array | null }; gives: LogResult };
}
export type JobName = keyof Jobs;

export type Ask = { [J in JobName]: { id: number; job: J; asks: Jobs[J]['asks'] } }[JobName];

export type Answer =
  | { id: number; step: CheckStep }
  | { id: number; done: number; total: number }
  | { id: number; result: Jobs[JobName]['gives'] }
  | { id: number; error: string };
