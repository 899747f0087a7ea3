// SPDX-License-Identifier: Apache-2.0
// An invitation becomes an account: /join#TOKEN. The token stands behind the #, so that it is in no server's log.
import { useEffect, useState } from 'preact/hooks';
import { Command } from '../parts/Command';
import { Term } from '../parts/Term';
import { Title } from '../parts/Title';
import { join, passkeysPossible, type Joined } from '../review/passkey';

function Done({ joined }: { joined: Joined }) {
  return (
    <section class="stack">
      <p class="note ok">
        <strong>Welcome, {joined.name}.</strong> Your passkey is registered, and you are logged in.
      </p>
      <div class="prose stack">
        <p>
          This is the public half of your key. Whoever writes a <Term word="policy">policy</Term> that asks for your reviews puts this line into it. Give it to them over a way that both of you trust; the log needs nothing else.
        </p>
      </div>
      <Command does="The line for a policy" command={joined.policy_line} />
      <p class="row">
        <a class="button primary" href="/sources">
          Read the source
        </a>
        <a class="button" href="/me">
          My page
        </a>
      </p>
    </section>
  );
}

export default function Join() {
  const [token, setToken] = useState(() => location.hash.slice(1));
  const [joined, setJoined] = useState<Joined | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  // The token is not left in the address, where somebody might see or copy it.
  useEffect(() => {
    if (location.hash !== '') history.replaceState(history.state, '', location.pathname);
  }, []);

  const begin = (e: Event): void => {
    e.preventDefault();
    setBusy(true);
    setError(null);
    join(token.trim())
      .then(setJoined, (problem: Error) => setError(problem.message))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Title name="Join as a reviewer" lead="With an invitation, your device makes a passkey for this site: the key with which you will sign what you have read." />
      {joined !== null ? (
        <Done joined={joined} />
      ) : (
        <form class="form card prose" onSubmit={begin}>
          <div class="field">
            <label for="invitation">Invitation</label>
            <input id="invitation" required value={token} onInput={(e) => setToken(e.currentTarget.value)} autocomplete="off" spellcheck={false} aria-describedby="invitation-hint" />
            <span class="hint" id="invitation-hint">
              It came with the link that you were given, and can be used once.
            </span>
          </div>
          {!passkeysPossible() && <p class="note warn">This browser gives no passkeys at this address. It needs https, or localhost.</p>}
          {error !== null && (
            <p class="note bad" role="alert">
              {error}
            </p>
          )}
          <p>
            <button type="submit" class="primary" disabled={busy || token.trim() === '' || !passkeysPossible()}>
              {busy ? 'Waiting for your device…' : 'Make my passkey'}
            </button>
          </p>
        </form>
      )}
    </>
  );
}
