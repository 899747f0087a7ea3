// SPDX-License-Identifier: Apache-2.0
// Beside a file: its symbols, who read it, its history.
import { useState } from 'preact/hooks';
import { count, plural } from '../lib/format';
import type { FileSymbol, HistoryItem, Reading } from '../lib/types-source';
import { useApi } from '../lib/use';
import { Async } from '../parts/Async';
import { Badge } from '../parts/Badge';
import { Time } from '../parts/Time';
import { compareHref, entryHref, sourceApi, sourceHref, type Lines } from './address';
import { Name } from './Name';

const SHOWN_MAX = 400;

/** Universal Ctags says `kind:name` of what a symbol is in; what has no name is left out. */
export function symbolName(s: FileSymbol): string {
  const scope = (s.scope ?? '').replace(/^[A-Za-z]+:(?!:)/, '');
  return scope === '' || scope.includes('__anon') ? s.name : `${scope}.${s.name}`;
}

export function Outline({ symbols, onGo }: { symbols: FileSymbol[]; onGo: (lines: Lines) => void }) {
  const [filter, setFilter] = useState('');
  const wanted = filter.toLowerCase();
  const found = symbols.filter((s) => symbolName(s).toLowerCase().includes(wanted));
  return (
    <details class="side-part" open>
      <summary>
        Outline <span class="quiet">{count(symbols.length)}</span>
      </summary>
      {symbols.length === 0 && <p class="quiet small">No symbols are known of this file.</p>}
      {symbols.length > 12 && (
        <input type="search" class="side-filter" aria-label="Filter the outline" placeholder="Filter" value={filter} onInput={(e) => setFilter(e.currentTarget.value)} />
      )}
      <ul class="outline">
        {found.slice(0, SHOWN_MAX).map((s, i) => (
          <li key={i}>
            <a
              href={`#L${s.line}`}
              onClick={(e) => {
                e.preventDefault();
                onGo({ from: s.line, to: s.line });
              }}
            >
              <span class="symbol-kind">{s.kind}</span> <Name of={symbolName(s)} />
            </a>
          </li>
        ))}
      </ul>
      {found.length > SHOWN_MAX && <p class="quiet small">and {count(found.length - SHOWN_MAX)} more; filter to see them</p>}
    </details>
  );
}

export function Readings({ readings, onGo }: { readings: Reading[]; onGo: (lines: Lines) => void }) {
  return (
    <details class="side-part" open>
      <summary>
        Read by <span class="quiet">{count(new Set(readings.map((r) => r.reviewer)).size)}</span>
      </summary>
      {readings.length === 0 ? (
        <p class="quiet small">Nobody has signed that they read these contents.</p>
      ) : (
        <ul class="readings">
          {readings.map((r, i) => (
            <li key={i}>
              <Badge tone={r.verdict === 'ok' ? 'ok' : 'bad'}>{r.verdict === 'ok' ? 'ok' : 'concern'}</Badge>{' '}
              <strong>
                <Name of={r.reviewer} />
              </strong>
              <span class="quiet">
                {' '}
                of <Name of={r.organisation} />
              </span>
              <br />
              {r.from === null || r.from < 1 || r.to === null ? (
                'the whole file'
              ) : (
                <button type="button" class="plain" onClick={() => onGo({ from: r.from ?? 1, to: r.to ?? 1 })}>
                  lines {r.from} to {r.to}
                </button>
              )}
              , <a href={entryHref(r.index)}>entry {count(r.index)}</a>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}

const WORDS: Record<string, string> = { added: 'added', changed: 'changed', same: 'the same', removed: 'not there', renamed: 'renamed' };

function Step({ h, older, source, path }: { h: HistoryItem; older: HistoryItem | undefined; source: string; path: string }) {
  const changed = h.change === 'changed' && older !== undefined;
  return (
    <li class={h.source === source ? 'here' : ''}>
      {h.blob === null ? <span>{h.label}</span> : <a href={sourceHref(h.source, path)}>{h.label}</a>} <span class={`change ${h.change}`}>{WORDS[h.change] ?? h.change}</span>
      <br />
      <span class="quiet small">
        <Time at={h.time} rough />
        {changed && (
          <>
            {', '}
            <a href={compareHref(older.source, h.source, path)}>what changed</a>
          </>
        )}
      </span>
    </li>
  );
}

export function History({ source, path }: { source: string; path: string }) {
  const [open, setOpen] = useState(false);
  const history = useApi<{ items: HistoryItem[] }>(open ? sourceApi(source, '/history') : null, { path });
  return (
    <details class="side-part" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>History</summary>
      {open && (
        <Async of={history} what="the history" lines={4}>
          {({ items }) => (
            <>
              <p class="quiet small">In {plural(items.length, 'snapshot')}, newest first.</p>
              <ol class="history">
                {items.map((h, i) => (
                  <Step key={h.source} h={h} older={items[i + 1]} source={source} path={path} />
                ))}
              </ol>
            </>
          )}
        </Async>
      )}
    </details>
  );
}
