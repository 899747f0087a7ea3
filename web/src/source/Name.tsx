// SPDX-License-Identifier: Apache-2.0
// A name out of somebody's source: shown as it is, isolated from the direction of what surrounds it, and
// what would be invisible shown as a word.
import { codeLabel, pieces } from './hidden';

/** `code`: a piece of a line, in which tabs are nothing strange. */
export function Name({ of, class: cls, code = false }: { of: string; class?: string; code?: boolean }) {
  const all = pieces(of, code);
  const only = all[0];
  if (all.length === 1 && only !== undefined && 'text' in only) {
    return <bdi class={cls}>{only.text}</bdi>;
  }
  return (
    <bdi class={cls}>
      {all.map((p) =>
        'text' in p ? (
          p.text
        ) : (
          <span class="hidden-char" title={`hidden: ${p.name}`}>
            {codeLabel(p.code)}
            <span class="offscreen"> ({p.name})</span>
          </span>
        ),
      )}
    </bdi>
  );
}
