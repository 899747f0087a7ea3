// SPDX-License-Identifier: Apache-2.0
// What the API answers about source and reviewers: docs/formats/centre-api.md, "Source" and
// "Reviewers". All of it is the site's word, and comes from strangers' files: shown as text only.

import type { Cover, Digest, Instant, Link, List, Reviewer, Source } from './types';

export interface SourceFull extends Source {
  coverage: Cover | null;
  languages: { language: string; files: number; lines: number }[];
}

export interface TreeEntry {
  name: string;
  kind: 'dir' | 'file' | 'link';
  size: number;
  blob: Digest | null;
  lines: number | null;
  /** For a file: organisations that have read it; for a folder: files covered. */
  covered: number | null;
  files: number | null;
}

export interface Tree {
  path: string;
  entries: TreeEntry[];
}

export interface FileSymbol {
  name: string;
  kind: string;
  line: number;
  end: number | null;
  scope: string | null;
}

export type Verdict = 'ok' | 'concern';

export interface Reading {
  reviewer: string;
  organisation: string;
  /** 0 or null: all of the file. */
  from: number | null;
  to: number | null;
  verdict: Verdict;
  index: number;
  source: Digest;
}

export interface SourceFile {
  path: string;
  blob: Digest;
  size: number;
  lines: number;
  language: string | null;
  encoding: 'utf-8' | 'binary' | 'too-large';
  text: string | null;
  symbols: FileSymbol[];
  readings: Reading[];
  mark: string | null;
}

export interface SymbolPlace {
  name: string;
  kind: string;
  path: string;
  line: number;
  scope: string | null;
  language: string;
}

export type Change = 'added' | 'changed' | 'same' | 'removed' | 'renamed';

export interface HistoryItem {
  source: Digest;
  label: string;
  time: Instant | null;
  blob: Digest | null;
  change: Change;
}

export interface DiffItem {
  path: string;
  change: Change;
  old_blob: Digest | null;
  new_blob: Digest | null;
  lines_added: number;
  lines_removed: number;
}

export interface DiffList {
  since: Digest;
  items: DiffItem[];
}

export interface HunkLine {
  kind: ' ' | '+' | '-';
  text: string;
}

export interface Hunk {
  old_start: number;
  old_lines: number;
  new_start: number;
  new_lines: number;
  lines: HunkLine[];
}

export interface FileDiff {
  path: string;
  binary: boolean;
  hunks: Hunk[];
}

export interface CoverItem {
  path: string;
  blob: Digest;
  lines: number;
  organisations: string[];
  whole: boolean;
}

export interface CoveragePage extends List<CoverItem> {
  coverage: Cover;
  demanded: string | null;
  readings: number;
  reviews: (Link & { verdict: string | null })[];
  objections: Link[];
  organisations: { name: string; files: number; lines: number; signed: boolean }[];
}

export type SearchMode = 'exact' | 'icase' | 'regex';
export type SearchIn = 'content' | 'name' | 'symbol';

export interface SearchMatch {
  line: number;
  text: string;
  /** In UTF-16 code units of `text`. */
  ranges: [number, number][];
}

export interface SearchItem {
  path: string;
  blob: Digest;
  sources: Digest[];
  language: string | null;
  matches: SearchMatch[];
  more: number;
}

export interface SearchAnswer {
  items: SearchItem[];
  files: number;
  truncated: boolean;
  took_ms: number;
}

export interface ReviewerAccount extends Reviewer {
  vkey: string;
  since: Instant;
  in_policy: boolean;
}

export interface Comment {
  id: number | string;
  source: Digest;
  path: string;
  blob: Digest;
  line: number;
  text: string;
  by: string;
  at: Instant;
  resolved: boolean;
  removed: boolean;
}

export interface Assignment {
  id: number | string;
  source: Digest;
  path: string;
  to: string;
  by: string;
  at: Instant;
  done: boolean;
}

export interface Visit {
  time: Instant;
  source: Digest;
  path: string;
  blob: Digest;
  /** The line of the record whose hash is the leaf. */
  leaf: string;
  index: number | null;
  proof: string[] | null;
}

export interface VisitsAnswer {
  day: string;
  published: { index: number; root: string; leaves: number; document: Digest } | null;
  items: Visit[];
}

export interface VisitDay {
  day: string;
  index: number;
  visits: number;
  reviewers: number;
  anonymous: number;
  root: string;
}
