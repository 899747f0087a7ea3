// SPDX-License-Identifier: Apache-2.0
// Which policy is checked with, and how to use one's own.
import { useState } from 'preact/hooks';
import { ownPolicy, setOwnPolicy, type PolicyInUse } from '../lib/policy';
import { announce, site } from '../lib/store';
import { Term } from './Term';

const POLICY_MAX = 256 * 1024;

export function PolicyChoice({ policy }: { policy: PolicyInUse | null }) {
  const [draft, setDraft] = useState<string | null>(null);
  const own = ownPolicy.value !== null;
  const name = site.value?.name ?? 'this site';

  async function take(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    if (file.size > POLICY_MAX) announce('This file is too large for a policy.');
    else setDraft(await file.text());
  }

  return (
    <div class="note">
      {own ? (
        <p>
          Checked with <strong>your own <Term word="policy">policy</Term></strong>, which is kept in this browser and sent to nobody.
        </p>
      ) : (
        <p>
          Checked with <strong>the policy of {name} itself</strong>. That shows that the site keeps to its own rules. Your own{' '}
          <Term word="policy">policy</Term>, in which you write down whom you trust, also protects you from a site that changes its rules.
        </p>
      )}
      <div class="row">
        <details>
          <summary>Read the policy</summary>
          <pre class="tall" tabIndex={0}>{policy?.text ?? ''}</pre>
        </details>
        {own && (
          <button type="button" onClick={() => setOwnPolicy(null)}>
            Use the site’s policy again
          </button>
        )}
        {draft === null && (
          <button type="button" onClick={() => setDraft(ownPolicy.value ?? '')}>
            {own ? 'Change my policy' : 'Use my own policy'}
          </button>
        )}
      </div>
      {draft !== null && (
        <form
          class="form"
          onSubmit={(e) => {
            e.preventDefault();
            setOwnPolicy(draft === '' || draft.endsWith('\n') ? draft : `${draft}\n`);
            setDraft(null);
          }}
          onDragOver={(e) => e.preventDefault()}
          onDrop={(e) => {
            e.preventDefault();
            void take(e.dataTransfer?.files[0]);
          }}
        >
          <div class="field">
            <label for="own-policy">Your policy</label>
            <span class="hint" id="own-policy-hint">
              Paste it, drop the file here, or choose it. It stays in this browser.
            </span>
            <textarea id="own-policy" aria-describedby="own-policy-hint" rows={10} spellcheck={false} required value={draft} onInput={(e) => setDraft(e.currentTarget.value)} />
          </div>
          <div class="row">
            <button type="submit" class="primary">
              Check with this policy
            </button>
            <label class="button">
              Choose a file
              <input type="file" class="offscreen" onChange={(e) => void take(e.currentTarget.files?.[0])} />
            </label>
            <button type="button" onClick={() => setDraft(policy?.text ?? '')}>
              Begin with the site’s policy
            </button>
            <button type="button" onClick={() => setDraft(null)}>
              Cancel
            </button>
          </div>
        </form>
      )}
    </div>
  );
}
