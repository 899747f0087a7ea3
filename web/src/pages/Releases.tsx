// SPDX-License-Identifier: Apache-2.0
import { useLocation } from 'preact-iso';
import { plural } from '../lib/format';
import type { Release } from '../lib/types';
import { usePages } from '../lib/use';
import { Async } from '../parts/Async';
import { ReleaseBadge } from '../parts/Badge';
import { Digest } from '../parts/Digest';
import { Pager } from '../parts/Pager';
import { Size } from '../parts/Size';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';

function Row({ r }: { r: Release }) {
  return (
    <tr>
      <th scope="row">
        <a href={`/release/${encodeURIComponent(r.artifact)}`}>
          {r.product} {r.version}
        </a>
        <div class="quiet small">{r.file}</div>
      </th>
      <td>
        <ReleaseBadge state={r.state} />
      </td>
      <td class="number nowrap">
        {r.rebuilds} of {r.needed}
      </td>
      <td>{r.coverage === null ? <span class="quiet">none</span> : plural(r.coverage.signed.length, 'organisation')}</td>
      <td>
        <Time at={r.time} />
      </td>
      <td class="number">
        <Size bytes={r.length} />
      </td>
      <td>
        <Digest of={r.artifact} what="digest of the file" />
      </td>
    </tr>
  );
}

function Filter({ product, channel }: { product: string; channel: string }) {
  const { route } = useLocation();
  return (
    <form
      class="row end"
      onSubmit={(e) => {
        e.preventDefault();
        const given = [...new FormData(e.currentTarget)].filter(([, v]) => v !== '').map(([k, v]): [string, string] => [k, String(v)]);
        route(`/releases${given.length === 0 ? '' : `?${new URLSearchParams(given)}`}`);
      }}
    >
      <div class="field">
        <label for="product">Product</label>
        <input id="product" name="product" defaultValue={product} spellcheck={false} autocomplete="off" />
      </div>
      <div class="field">
        <label for="channel">Channel</label>
        <input id="channel" name="channel" defaultValue={channel} spellcheck={false} autocomplete="off" />
      </div>
      <button type="submit">Show</button>
      {(product !== '' || channel !== '') && (
        <a class="button" href="/releases">
          Show all
        </a>
      )}
    </form>
  );
}

export default function Releases() {
  const { query } = useLocation();
  const product = query['product'] ?? '';
  const channel = query['channel'] ?? '';
  const releases = usePages<Release>('/releases', { product: product || null, channel: channel || null }, { live: true });
  return (
    <>
      <Title
        name="Releases"
        lead={
          <>
            Every <Term word="artifact">file</Term> that was published for installation, and whether all that is demanded of it stands in the{' '}
            <Term word="log">log</Term>. Open one to have it checked by your own browser.
          </>
        }
      />
      <Filter key={`${product} ${channel}`} product={product} channel={channel} />
      <section aria-label="Releases">
        <Async of={releases} what="the releases" lines={16}>
          {(items) =>
            items.length === 0 ? (
              <p class="empty">{product !== '' || channel !== '' ? 'No release matches.' : 'Nothing has been released yet.'}</p>
            ) : (
              <Table caption="Releases, newest first" head={['Release', 'In the log', 'Rebuilds', 'Source signed off by', 'Released', 'Size', 'SHA-256']} numeric={[2, 5]}>
                {items.map((r) => (
                  <Row key={`${r.channel} ${r.artifact} ${r.index}`} r={r} />
                ))}
              </Table>
            )
          }
        </Async>
        <Pager of={releases} one="release" />
      </section>
    </>
  );
}
