// SPDX-License-Identifier: Apache-2.0
// The API's objects: docs/formats/centre-api.md, in its words and its order.

/** `sha256:HEX` */
export type Digest = string;
/** `2026-11-22T10:00:00Z` */
export type Instant = string;

export interface List<T> {
  items: T[];
  next: string | null;
}

export interface Link {
  index: number;
  kind: string;
  signer: string | null;
  key: string;
  organisation: string | null;
  time: Instant | null;
  /** Null of an entry that is none of ours, such as a root of the log's index. */
  statement: Digest | null;
}

export interface Subject {
  role: string;
  digest: Digest;
}

export interface EntryLine extends Link {
  subjects: Subject[];
}

export interface Entry extends EntryLine {
  /** The entry's bytes, base64. */
  text: string;
  form: 'statement' | 'document' | 'review';
  says: unknown;
  raw: string | null;
}

export interface Site {
  name: string;
  jurisdiction: string | null;
  origin: string;
  version: string;
  policy: string;
  checkpoint: { size: number; root: string; time: Instant | null } | null;
  url: string | null;
  generation: number;
  problem: string | null;
}

export interface Witness {
  name: string;
  key: string;
  time: Instant | null;
  url: string | null;
}

export interface CheckpointView {
  origin: string;
  size: number;
  root: string;
  note: string;
  time: Instant | null;
  witnesses: Witness[];
  quorum: string;
  needed: number;
}

export interface Cover {
  files: number;
  covered: number;
  lines: number;
  covered_lines: number;
  organisations: number;
  signed: string[];
  objections: number;
  demanded: boolean;
  met: boolean;
}

export interface Release {
  artifact: Digest;
  file: string;
  channel: string;
  product: string;
  version: string;
  length: number;
  index: number;
  metadata: Digest;
  time: Instant | null;
  source: Digest | null;
  environment: Digest | null;
  recipe: Digest | null;
  state: 'verified' | 'incomplete' | 'contradicted';
  rebuilds: number;
  needed: number;
  contradictions: number;
  coverage: Cover | null;
}

export interface StepLink extends Link {
  site: string | null;
  jurisdiction: string | null;
  started: Instant | null;
  finished: Instant | null;
  varied: string[] | null;
  verdict: string | null;
}

export interface StepWitness {
  name: string;
  key: string;
  time: Instant | null;
}

export type StepName = 'source' | 'environment' | 'assembly' | 'rebuild' | 'review' | 'release' | 'log' | 'witnesses';

export interface ChainStep {
  step: StepName;
  title: string;
  state: 'ok' | 'missing' | 'contradicted' | 'none-demanded';
  demanded: string | null;
  got: (StepLink | StepWitness)[];
  missing: string | null;
}

export interface ReleaseFull extends Release {
  chain: ChainStep[];
  previous: Digest | null;
  next: Digest | null;
  passport: string;
  download: string;
  commands: { does: string; command: string }[];
}

export interface Package {
  name: string;
  version: string;
  arch: string;
  size: number;
  digest: Digest;
}

export interface Changes {
  since: Digest | null;
  files: {
    added: number;
    changed: number;
    removed: number;
    items: { path: string; change: string; lines_added: number | null; lines_removed: number | null }[];
  };
  rules: { added: string[]; changed: string[]; removed: string[]; files: number } | null;
  packages: {
    added: { name: string; version: string }[];
    removed: { name: string; version: string }[];
    changed: { name: string; from: string; to: string }[];
  };
}

export interface Artifact {
  artifact: Digest;
  releases: Release[];
  assemblies: Link[];
  mismatches: Link[];
}

export interface Source {
  source: Digest;
  tree: string;
  commit: string | null;
  origin: string;
  archive_size: number;
  files: number;
  lines: number;
  bytes: number;
  index: number;
  time: Instant | null;
  signer: string | null;
  sealed: boolean;
  indexed: boolean;
  releases: { artifact: Digest; product: string; version: string }[];
  label: string;
}

export interface Health {
  log: { size: number; growth: [Instant, number][] };
  witnesses: { name: string; last: Instant | null; lag_s: number | null; cosigned: number }[];
  rebuilders: { name: string; last: Instant | null; rebuilds: number; mismatches: number; waiting: number }[];
  assembly_to_release: {
    artifact: Digest;
    product: string;
    version: string;
    assembled: Instant;
    released: Instant;
    seconds: number;
  }[];
  mismatches: (Link & { artifact: Digest; product: string | null; version: string | null })[];
  drills: Link[];
  visits: { day: string; index: number; visits: number; reviewers: number; root: string }[];
  hooks: { url: string; last: Instant | null; failed: number }[];
}

export interface Reviewer {
  name: string;
  organisation: string | null;
  roles: string[];
}

export interface Session {
  reviewer: Reviewer | null;
  origin: string;
  rp: string;
}
