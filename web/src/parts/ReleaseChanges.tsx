// SPDX-License-Identifier: Apache-2.0
// What changed since the release before: files, rules, packages.
import { count, plural } from '../lib/format';
import type { Changes, ReleaseFull } from '../lib/types';
import { useApi } from '../lib/use';
import { Async } from './Async';
import { Table } from './Table';

const SHOWN = 40;

function Names({ title, names }: { title: string; names: string[] }) {
  if (names.length === 0) return null;
  return (
    <div>
      <h4>
        {title} <span class="quiet">({count(names.length)})</span>
      </h4>
      <ul class="names">
        {names.slice(0, SHOWN).map((n) => (
          <li key={n}>
            <code>{n}</code>
          </li>
        ))}
        {names.length > SHOWN && <li class="quiet">and {count(names.length - SHOWN)} more</li>}
      </ul>
    </div>
  );
}

function Files({ c, compare }: { c: Changes; compare: string | null }) {
  const { added, changed, removed, items } = c.files;
  return (
    <div class="stack">
      <h3>Files of the source</h3>
      <p>
        {plural(added, 'file')} added, {count(changed)} changed, {count(removed)} removed.{' '}
        {compare !== null && <a href={compare}>Compare the two sources side by side</a>}
      </p>
      {items.length > 0 && (
        <details open={items.length <= 12}>
          <summary>Which files</summary>
          <Table caption="Changed files" head={['File', 'Change', 'Lines added', 'Lines removed']} numeric={[2, 3]}>
            {items.map((f) => (
              <tr key={f.path}>
                <th scope="row" class="wrap">
                  <code>{f.path}</code>
                </th>
                <td>{f.change}</td>
                <td class="number">{f.lines_added === null ? '–' : count(f.lines_added)}</td>
                <td class="number">{f.lines_removed === null ? '–' : count(f.lines_removed)}</td>
              </tr>
            ))}
          </Table>
        </details>
      )}
    </div>
  );
}

function Body({ c, compare }: { c: Changes; compare: string | null }) {
  const p = c.packages;
  const none = p.added.length + p.removed.length + p.changed.length === 0;
  return (
    <div class="stack wide">
      <Files c={c} compare={compare} />
      {c.rules !== null && (
        <div class="stack">
          <h3>Detection rules</h3>
          <div class="grid">
            <Names title="Added" names={c.rules.added} />
            <Names title="Changed" names={c.rules.changed} />
            <Names title="Removed" names={c.rules.removed} />
          </div>
          {c.rules.added.length + c.rules.changed.length + c.rules.removed.length === 0 && <p class="quiet">No rule changed.</p>}
        </div>
      )}
      <div class="stack">
        <h3>Packages of the environment</h3>
        {none ? (
          <p class="quiet">The tools are the same.</p>
        ) : (
          <div class="grid">
            <Names title="Added" names={p.added.map((x) => `${x.name} ${x.version}`)} />
            <Names title="Changed" names={p.changed.map((x) => `${x.name} ${x.from} → ${x.to}`)} />
            <Names title="Removed" names={p.removed.map((x) => `${x.name} ${x.version}`)} />
          </div>
        )}
      </div>
    </div>
  );
}

export function ReleaseChanges({ r }: { r: ReleaseFull }) {
  const changes = useApi<Changes>(r.previous === null ? null : `/releases/${encodeURIComponent(r.artifact)}/changes`);
  const before = useApi<ReleaseFull>(r.previous === null ? null : `/releases/${encodeURIComponent(r.previous)}`);
  const old = before.data?.source ?? null;
  const compare = old === null || r.source === null ? null : `/compare/${encodeURIComponent(old)}/${encodeURIComponent(r.source)}`;
  return (
    <section aria-labelledby="changes">
      <h2 id="changes">What changed</h2>
      {r.previous === null ? (
        <p class="quiet">This is the first release of {r.product} in the log.</p>
      ) : (
        <>
          <p class="quiet below">
            Since <a href={`/release/${encodeURIComponent(r.previous)}`}>{before.data === null ? 'the release before' : `${before.data.product} ${before.data.version}`}</a>.
          </p>
          <Async of={changes} what="the changes" lines={10}>
            {(c) => <Body c={c} compare={compare} />}
          </Async>
        </>
      )}
    </section>
  );
}
