// SPDX-License-Identifier: Apache-2.0
// What the API answers about users' data: docs/formats/centre-api.md, "Users' data".
import type { Digest, Instant, Link } from './types';

export interface Totals {
  root: Digest;
  segments: number;
  records: number;
  bytes: number;
}

export interface Region {
  region: string;
  site: string;
  jurisdiction: string;
  processed_at: { site: string; jurisdiction: string }[];
  approvers: string;
  inventory: (Totals & { time: Instant | null; index: number }) | null;
  /** The relocation that is under way. */
  moving: Digest | null;
}

export interface RegionSite {
  name: string;
  jurisdiction: string;
  regions: string[];
}

export interface RegionsAnswer {
  policy: { digest: Digest; index: number; text: string } | null;
  items: Region[];
  sites: RegionSite[];
}

export type RequestState = 'open' | 'granted' | 'refused' | 'ran' | 'expired';

export interface DataRequest {
  request: Digest;
  id: string;
  index: number;
  time: Instant | null;
  mode: string;
  purpose: string;
  requester: string;
  region: string;
  class: string;
  from: string;
  until: string;
  job: Digest | null;
  runs: number;
  expires: Instant;
  state: RequestState;
  approvals: number;
  refusals: number;
}

export type Fields = [string, string][];

export interface RequestStep {
  kind: string;
  link: Link;
  by: string;
  code: string | null;
  fields: Fields;
}

export interface RequestFull extends DataRequest {
  fields: Fields;
  steps: RequestStep[];
}

export interface LedgerItem extends Link {
  region: string | null;
  site: string;
  fields: Fields;
}

export interface Relocation {
  relocation: Digest;
  index: number;
  region: string;
  from: string;
  to: string;
  started: Instant;
  state: 'handing-over' | 'received' | 'shredded';
  inventory: Totals;
  received: (Totals & { index: number; time: Instant | null }) | null;
  shredded: { index: number; segments: number; keys: number; time: Instant | null } | null;
  equal: boolean | null;
}
