// SPDX-License-Identifier: Apache-2.0
// What an entry says in full: the fields of a document, or a statement's payload.
import type { Entry } from '../lib/types';
import { Table } from './Table';

function isFields(says: unknown): says is [string, string][] {
  return Array.isArray(says) && says.every((f) => Array.isArray(f) && f.length === 2 && f.every((v) => typeof v === 'string'));
}

export function Statement({ e }: { e: Entry }) {
  return (
    <>
      {isFields(e.says) && e.says.length > 0 && (
        <Table caption="Fields of the document" head={['Field', 'Value']}>
          {e.says.map(([name, value], i) => (
            <tr key={i}>
              <th scope="row">{name}</th>
              <td class="wrap">
                <code>{value}</code>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {e.form === 'statement' && e.says !== null && (
        <details open>
          <summary>The statement in full</summary>
          <pre class="tall" tabIndex={0}>{JSON.stringify(e.says, null, 2)}</pre>
        </details>
      )}
      {e.raw !== null && (
        <details>
          <summary>The document in full, as it was signed</summary>
          <pre class="tall" tabIndex={0}>{e.raw}</pre>
        </details>
      )}
    </>
  );
}
