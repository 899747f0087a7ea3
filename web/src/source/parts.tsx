// SPDX-License-Identifier: Apache-2.0
// Parts that the pages of source review share.
import type { ComponentChildren } from 'preact';
import { count, percent, plural } from '../lib/format';
import type { Cover, Source } from '../lib/types';
import { Badge } from '../parts/Badge';
import { Term } from '../parts/Term';
import { sourceHref } from './address';
import { Name } from './Name';

/** How much of something was read: a bar, with the numbers in words. */
export function CoverBar({ part, whole, what = 'files', words = true }: { part: number; whole: number; what?: string; words?: boolean }) {
  const share = whole === 0 ? 0 : Math.min(1, part / whole);
  return (
    <span class="cover">
      <span class="cover-bar" role="img" aria-label={`${count(part)} of ${count(whole)} ${what} read, ${percent(part, whole)}`}>
        <span style={{ width: `${100 * share}%` }} class={share === 1 ? 'full' : ''} />
      </span>
      {words && (
        <span class="cover-words" aria-hidden="true">
          {percent(part, whole)}
        </span>
      )}
    </span>
  );
}

export function CoverBadge({ of }: { of: Cover }) {
  if (of.objections > 0) return <Badge tone="bad">{plural(of.objections, 'objection')}</Badge>;
  if (!of.demanded) return <Badge tone="neutral">No review demanded</Badge>;
  return of.met ? <Badge tone="ok">Review complete</Badge> : <Badge tone="warn">Review incomplete</Badge>;
}

export function SealedBadge() {
  return (
    <span class="badge sealed">
      <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8">
        <rect x="3" y="7" width="10" height="7" rx="1.5" />
        <path d="M5 7V5a3 3 0 0 1 6 0v2" />
      </svg>
      Sealed
    </span>
  );
}

/** The mark of a sealed source: a band above, and the same words across what is shown, on paper too. */
export function SealedMark({ mark, children }: { mark: string; children: ComponentChildren }) {
  return (
    <div class="sealed-frame">
      <p class="sealed-band">
        <SealedBadge /> <strong>{mark}</strong>
      </p>
      <div class="sealed-across" aria-hidden="true">
        {Array.from({ length: 12 }, (_, i) => (
          <span key={i}>{mark}</span>
        ))}
      </div>
      {children}
    </div>
  );
}

/** Snapshot, folders, file. */
export function Crumbs({ source, label, path, sealed }: { source: string; label: string; path: string; sealed: boolean }) {
  const parts = path === '' ? [] : path.split('/');
  return (
    <nav class="crumbs" aria-label="Place in the snapshot">
      <ol>
        <li>
          <a href="/sources">Source</a>
        </li>
        <li>{parts.length === 0 ? <span aria-current="page">{label}</span> : <a href={sourceHref(source)}>{label}</a>}</li>
        {parts.map((p, i) => (
          <li key={i}>
            {i === parts.length - 1 ? (
              <span aria-current="page">
                <Name of={p} />
              </span>
            ) : (
              <a href={sourceHref(source, parts.slice(0, i + 1).join('/'))}>
                <Name of={p} />
              </a>
            )}
          </li>
        ))}
      </ol>
      {sealed && <SealedBadge />}
    </nav>
  );
}

/** A snapshot in words: its label, or the beginning of its digest. */
export function labelOf(s: Pick<Source, 'label' | 'source'> | null): string {
  if (s === null) return 'snapshot';
  return s.label === '' ? s.source.slice(7, 19) : s.label;
}

export function CoverageWords({ of }: { of: Cover }) {
  return (
    <>
      {count(of.covered)} of {plural(of.files, 'file')} {of.files === 1 ? 'is' : 'are'} <Term word="coverage">covered</Term>, by {plural(of.organisations, 'organisation')}.
    </>
  );
}
