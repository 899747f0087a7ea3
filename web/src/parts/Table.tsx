// SPDX-License-Identifier: Apache-2.0
// A table that scrolls by itself where the window is narrow. Cells are written by the page:
//   <Table caption="Witnesses" head={['Name', 'Last seen']}><tr><th scope="row">…</th><td>…</td></tr></Table>
import type { ComponentChildren } from 'preact';

export interface TableProps {
  caption: string;
  /** Show the caption; else it is for screen readers alone. */
  titled?: boolean | undefined;
  head: ComponentChildren[];
  /** Columns of numbers, from 0: right-aligned. */
  numeric?: number[] | undefined;
  children: ComponentChildren;
}

export function Table({ caption, titled = false, head, numeric = [], children }: TableProps) {
  return (
    <div class="scroll" role="group" aria-label={caption} tabIndex={0}>
      <table>
        <caption class={titled ? '' : 'offscreen'}>{caption}</caption>
        <thead>
          <tr>
            {head.map((h, i) => (
              <th key={i} scope="col" class={numeric.includes(i) ? 'number' : ''}>
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
