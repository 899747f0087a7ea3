// SPDX-License-Identifier: Apache-2.0
// Who is to read what: given by those with the role `lead`.
import { useState } from 'preact/hooks';
import { post } from '../lib/api';
import { announce } from '../lib/store';
import type { Digest } from '../lib/types';
import type { Assignment, ReviewerAccount } from '../lib/types-source';
import { useApi } from '../lib/use';

export function Assign({ source, path }: { source: Digest; path: string }) {
  const [open, setOpen] = useState(false);
  const reviewers = useApi<{ items: ReviewerAccount[] }>(open ? '/reviewers' : null);
  const [said, setSaid] = useState<{ ok: boolean; text: string } | null>(null);
  const give = (e: SubmitEvent & { currentTarget: HTMLFormElement }): void => {
    e.preventDefault();
    const to = String(new FormData(e.currentTarget).get('to') ?? '');
    post<Assignment>('/assignments', { source, path, to }).then(
      () => {
        setSaid({ ok: true, text: `${to} has it now.` });
        announce(`Assigned to ${to}`);
      },
      (problem: Error) => setSaid({ ok: false, text: problem.message }),
    );
  };
  return (
    <details class="assign no-print" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>Ask a reviewer to read {path === '' ? 'this snapshot' : 'this'}</summary>
      <form class="row end" onSubmit={give}>
        <div class="field">
          <label for="assign-to">Reviewer</label>
          <select id="assign-to" name="to">
            {(reviewers.data?.items ?? []).map((r) => (
              <option key={r.name} value={r.name}>
                {r.name}, {r.organisation}
              </option>
            ))}
          </select>
        </div>
        <button type="submit" disabled={reviewers.data === null}>
          Assign
        </button>
      </form>
      {said !== null && (
        <p class={said.ok ? 'note ok' : 'note bad'} role="status">
          {said.text}
        </p>
      )}
    </details>
  );
}
