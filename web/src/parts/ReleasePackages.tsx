// SPDX-License-Identifier: Apache-2.0
// The packages of a release's environment, asked for when they are to be seen.
import { useState } from 'preact/hooks';
import { plural } from '../lib/format';
import type { Package } from '../lib/types';
import { useApi } from '../lib/use';
import { Async } from './Async';
import { Digest } from './Digest';
import { Size } from './Size';
import { Table } from './Table';
import { Term } from './Term';

export function ReleasePackages({ artifact }: { artifact: string }) {
  const [open, setOpen] = useState(false);
  const packages = useApi<{ items: Package[] }>(open ? `/releases/${encodeURIComponent(artifact)}/packages` : null);
  return (
    <section aria-labelledby="packages" class="stack">
      <h2 id="packages">What it was made with</h2>
      <p class="prose quiet">
        The <Term word="environment">environment</Term> of the assembly is these Debian packages and nothing else. Whoever builds the file again uses the same.
      </p>
      <details onToggle={(e) => e.currentTarget.open && setOpen(true)}>
        <summary>Show the packages</summary>
        {open && (
          <Async of={packages} what="the packages" lines={10}>
            {({ items }) => (
              <>
                <p class="quiet">{plural(items.length, 'package')}.</p>
                <Table caption="Packages of the environment" head={['Package', 'Version', 'Architecture', 'Size', 'SHA-256']} numeric={[3]}>
                  {items.map((p) => (
                    <tr key={p.name}>
                      <th scope="row">{p.name}</th>
                      <td>{p.version}</td>
                      <td>{p.arch}</td>
                      <td class="number">
                        <Size bytes={p.size} />
                      </td>
                      <td>
                        <Digest of={p.digest} what={`digest of ${p.name}`} />
                      </td>
                    </tr>
                  ))}
                </Table>
              </>
            )}
          </Async>
        )}
      </details>
    </section>
  );
}
