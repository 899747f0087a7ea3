// SPDX-License-Identifier: Apache-2.0
// Parts that the pages about users' data share.
import { useLocation } from 'preact-iso';
import { country } from '../lib/format';
import type { Fields, RequestState } from '../lib/types-data';
import { Badge, type Tone } from '../parts/Badge';

const PAGES = [
  ['/data', 'Where it is'],
  ['/requests', 'Who asked for it'],
  ['/relocations', 'How it moves'],
  ['/accesses', 'Accesses to my data'],
] as const;

/** The pages about users' data, one beside the other. */
export function DataPages() {
  const { path } = useLocation();
  return (
    <nav class="data-pages no-print" aria-label="Users’ data">
      <ul>
        {PAGES.map(([to, name]) => (
          <li key={to}>
            <a href={to} {...(path === to ? { 'aria-current': 'page' as const } : to === '/requests' && path.startsWith('/request/') ? { 'aria-current': 'true' as const } : {})}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export function Place({ site, jurisdiction }: { site: string; jurisdiction: string }) {
  return (
    <>
      {site} <span class="quiet nowrap">{jurisdiction === '' ? '' : `in ${country(jurisdiction)}`}</span>
    </>
  );
}

const STATES: Record<RequestState, [Tone, string]> = {
  open: ['warn', 'Open'],
  granted: ['ok', 'Granted'],
  refused: ['bad', 'Refused'],
  ran: ['ok', 'Carried out'],
  expired: ['neutral', 'Expired'],
};

export function StateBadge({ state }: { state: RequestState }) {
  const [tone, word] = STATES[state] ?? ['neutral', state];
  return <Badge tone={tone}>{word}</Badge>;
}

/** A document's fields as they stand in it. */
export function FieldsTable({ fields }: { fields: Fields }) {
  return (
    <details class="raw-fields">
      <summary>The document, field by field</summary>
      <dl class="facts">
        {fields.map(([name, value], i) => (
          <>
            <dt key={`n${i}`}>{name}</dt>
            <dd key={`v${i}`} class="wrap">
              <code>{value}</code>
            </dd>
          </>
        ))}
      </dl>
    </details>
  );
}
