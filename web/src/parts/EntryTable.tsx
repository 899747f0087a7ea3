// SPDX-License-Identifier: Apache-2.0
// Entries of the log as a table.
import type { EntryLine } from '../lib/types';
import { kindName, roleName, subjectPage } from '../lib/words';
import { Digest } from './Digest';
import { Table } from './Table';
import { Time } from './Time';

const SUBJECTS_SHOWN = 2;

function Subjects({ e }: { e: EntryLine }) {
  const more = e.subjects.length - SUBJECTS_SHOWN;
  return (
    <ul class="bare">
      {e.subjects.slice(0, SUBJECTS_SHOWN).map((s) => (
        <li key={`${s.role} ${s.digest}`}>
          <span class="quiet">{roleName(s.role)}</span> <Digest of={s.digest} what={`digest of the ${s.role}`} href={subjectPage(s.role, s.digest, e.kind)} />
        </li>
      ))}
      {more > 0 && <li class="quiet">and {more} more</li>}
    </ul>
  );
}

export function EntryTable({ items, caption }: { items: EntryLine[]; caption: string }) {
  return (
    <Table caption={caption} head={['Entry', 'Kind', 'Signed by', 'About', 'In the log since']}>
      {items.map((e) => (
        <tr key={e.index}>
          <th scope="row">
            <a class="target" href={`/log/${e.index}`}>
              {e.index}
            </a>
          </th>
          <td>{kindName(e.kind)}</td>
          <td class="wrap">
            {e.signer ?? e.key}
            {e.signer === null && e.kind !== 'log-index' && <div class="quiet small">not in the site’s policy</div>}
          </td>
          <td>
            <Subjects e={e} />
          </td>
          <td>
            <Time at={e.time} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
