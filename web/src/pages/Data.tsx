// SPDX-License-Identifier: Apache-2.0
// Where users' data are kept and processed, and the policy that says so.
import { DataPages, Place } from '../data/parts';
import { WorldMap } from '../data/Map';
import { count, plural } from '../lib/format';
import type { List } from '../lib/types';
import type { Region, RegionsAnswer, Relocation } from '../lib/types-data';
import { useApi } from '../lib/use';
import { Async } from '../parts/Async';
import { Badge } from '../parts/Badge';
import { Digest } from '../parts/Digest';
import { Size } from '../parts/Size';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import '../styles/data.css';

function Holds({ r }: { r: Region }) {
  if (r.inventory === null) return <span class="quiet">nothing said yet</span>;
  return (
    <>
      {plural(r.inventory.records, 'record')} in {plural(r.inventory.segments, 'segment')}, <Size bytes={r.inventory.bytes} />
      <br />
      <span class="quiet small">
        <Time at={r.inventory.time} rough />, <a href={`/log/${r.inventory.index}`}>entry {count(r.inventory.index)}</a>
      </span>
    </>
  );
}

function Row({ r }: { r: Region }) {
  return (
    <tr>
      <th scope="row">
        {r.region}
        {r.moving !== null && (
          <>
            {' '}
            <a href="/relocations">
              <Badge tone="warn">moving</Badge>
            </a>
          </>
        )}
      </th>
      <td>
        <Place site={r.site} jurisdiction={r.jurisdiction} />
      </td>
      <td>
        {r.processed_at.map((p) => (
          <span class="line" key={p.site}>
            <Place site={p.site} jurisdiction={p.jurisdiction} />
          </span>
        ))}
      </td>
      <td>
        <Holds r={r} />
      </td>
    </tr>
  );
}

/** "access: 1 of a, b (legal), and 2 of …; erasure: …", as a list. */
function Approvers({ text }: { text: string }) {
  return (
    <dl class="facts">
      {text.split('; ').map((part) => {
        const at = part.indexOf(': ');
        return (
          <>
            <dt key={`t${part}`}>{at < 0 ? '' : part.slice(0, at)}</dt>
            <dd key={`d${part}`}>{at < 0 ? part : part.slice(at + 2)}</dd>
          </>
        );
      })}
    </dl>
  );
}

function Policy({ answer }: { answer: RegionsAnswer }) {
  if (answer.policy === null) return <p class="empty">No policy about users’ data is in force.</p>;
  const approvers = [...new Set(answer.items.map((r) => r.approvers))];
  return (
    <section class="stack tight">
      <h2>The policy that says so</h2>
      <p>
        <Digest of={answer.policy.digest} what="policy’s digest" />, in the log as <a href={`/log/${answer.policy.index}`}>entry {count(answer.policy.index)}</a>. Nobody, the site included, can open data except as it says.
      </p>
      <h3>Who must agree before data are opened</h3>
      {approvers.map((a) => (
        <div key={a} class="card">
          <Approvers text={a} />
        </div>
      ))}
      <details>
        <summary>The policy itself</summary>
        <pre class="policy-text" tabIndex={0}>
          {answer.policy.text}
        </pre>
      </details>
    </section>
  );
}

export default function Data() {
  const regions = useApi<RegionsAnswer>('/regions', undefined, { live: true });
  const relocations = useApi<List<Relocation>>('/relocations', { limit: 50 }, { live: true });
  return (
    <>
      <Title
        name="Users’ data"
        lead={
          <>
            What endpoints report is sealed for a <Term word="region">region</Term>, kept at one site, and opened only when several people agree in public.
          </>
        }
      />
      <DataPages />
      <Async of={regions} what="the regions" lines={24}>
        {(answer) => (
          <div class="stack wide">
            <WorldMap answer={answer} relocations={relocations.data?.items ?? []} />
            {answer.items.length > 0 && (
              <Table caption="Regions" head={['Region', 'Kept at', 'Processed at', 'Holds']}>
                {answer.items.map((r) => (
                  <Row key={r.region} r={r} />
                ))}
              </Table>
            )}
            <Policy answer={answer} />
          </div>
        )}
      </Async>
    </>
  );
}
