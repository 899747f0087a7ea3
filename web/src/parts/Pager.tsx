// SPDX-License-Identifier: Apache-2.0
import { plural } from '../lib/format';
import type { Pages } from '../lib/use';

/** Beneath a list of usePages: how many are shown, and the button for more. */
export function Pager<T>({ of, one, many }: { of: Pages<T>; one: string; many?: string | undefined }) {
  if (of.data === null) return null;
  return (
    <p class="pager">
      <span class="quiet" aria-live="polite">
        {plural(of.data.length, one, many)} shown{of.more === null ? '; that is all' : ''}.
      </span>
      {of.more !== null && (
        <button type="button" onClick={of.more} disabled={of.busy}>
          {of.busy ? 'Loading…' : 'Show more'}
        </button>
      )}
    </p>
  );
}
