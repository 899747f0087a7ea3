// SPDX-License-Identifier: Apache-2.0
// For reviewers: login with a passkey, and all that is one's own.
import { useState } from 'preact/hooks';
import { post } from '../lib/api';
import { plural } from '../lib/format';
import { announce, session } from '../lib/store';
import type { Reviewer } from '../lib/types';
import type { Assignment, Comment, ReviewerAccount } from '../lib/types-source';
import { useApi } from '../lib/use';
import { Async } from '../parts/Async';
import { Badge } from '../parts/Badge';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { CommentItem } from '../review/Comments';
import { choices } from '../review/choices';
import { login, logout, passkeysPossible } from '../review/passkey';
import { Visits } from '../review/Visits';
import { sourceHref } from '../source/address';
import { Name } from '../source/Name';
import '../styles/source.css';

const ROLE_WORDS: Record<string, string> = {
  reader: 'opens sealed source',
  reviewer: 'comments, and is assigned what to read',
  lead: 'assigns, and settles comments',
};

function Login() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const begin = (): void => {
    setBusy(true);
    setError(null);
    login()
      .then(
        () => announce('Logged in'),
        (e: Error) => setError(e.message),
      )
      .finally(() => setBusy(false));
  };
  return (
    <section class="card stack prose">
      <p>
        Reviewers read the source, say what they read, and sign it with a <Term word="passkey">passkey</Term>: a key that lives in your phone, your computer or a security key and never leaves it. There is no password.
      </p>
      <p class="row">
        <button type="button" class="primary" onClick={begin} disabled={busy || !passkeysPossible()}>
          {busy ? 'Waiting for your passkey…' : 'Log in with a passkey'}
        </button>
      </p>
      {!passkeysPossible() && <p class="note warn">This browser gives no passkeys at this address. It needs https, or localhost.</p>}
      {error !== null && (
        <p class="note bad" role="alert">
          {error}
        </p>
      )}
      <p class="quiet small">You have an invitation? Open its link: it leads to where your passkey is registered. Nobody needs an account for reading and checking.</p>
    </section>
  );
}

function Profile({ reviewer }: { reviewer: Reviewer }) {
  const all = useApi<{ items: ReviewerAccount[] }>('/reviewers');
  const own = all.data?.items.find((r) => r.name === reviewer.name);
  const [error, setError] = useState<string | null>(null);
  return (
    <section class="card stack">
      <dl class="facts">
        <dt>Name</dt>
        <dd>
          <strong>{reviewer.name}</strong>
        </dd>
        <dt>Organisation</dt>
        <dd>{reviewer.organisation ?? 'none'}</dd>
        <dt>Roles</dt>
        <dd>{reviewer.roles.length === 0 ? 'none' : reviewer.roles.map((r) => (ROLE_WORDS[r] === undefined ? r : `${r} (${ROLE_WORDS[r]})`)).join(', ')}</dd>
        <dt>Key</dt>
        <dd>{own === undefined ? <span class="quiet">…</span> : <code class="wrap small">{own.vkey}</code>}</dd>
        <dt>In the policy</dt>
        <dd>{own === undefined ? <span class="quiet">…</span> : own.in_policy ? <Badge tone="ok">The site’s policy names your key</Badge> : <Badge tone="warn">Not yet: the site takes your sign-off once its policy has the line of your key</Badge>}</dd>
      </dl>
      {error !== null && (
        <p class="note bad" role="alert">
          {error}
        </p>
      )}
      <p>
        <button type="button" onClick={() => void logout().catch((e: Error) => setError(e.message))}>
          Log out
        </button>
      </p>
    </section>
  );
}

function Pending() {
  const all = Object.entries(choices.value);
  if (all.length === 0) return null;
  return (
    <section class="note warn">
      <h2>Not signed yet</h2>
      <ul>
        {all.map(([source, files]) => (
          <li key={source}>
            <a href={sourceHref(source)}>
              {plural(files.length, 'piece')} of snapshot <code>{source.slice(7, 19)}</code>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Assignments({ reviewer }: { reviewer: Reviewer }) {
  const list = useApi<{ items: Assignment[] }>('/assignments');
  const [error, setError] = useState<string | null>(null);
  const done = (a: Assignment): void => {
    post<Assignment>(`/assignments/${encodeURIComponent(a.id)}`, { done: !a.done }).then(
      () => list.reload(),
      (e: Error) => setError(e.message),
    );
  };
  return (
    <section class="stack tight">
      <h2>Assignments</h2>
      {error !== null && (
        <p class="note bad" role="alert">
          {error}
        </p>
      )}
      <Async of={list} what="your assignments" lines={4}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="empty">Nothing is assigned.</p>
          ) : (
            <Table caption="Assignments" head={['What', 'For', 'By', 'Since', 'Done']}>
              {items.map((a) => (
                <tr key={a.id}>
                  <th scope="row" class="file-name">
                    <a href={sourceHref(a.source, a.path)}>{a.path === '' ? 'the whole snapshot' : <Name of={a.path} />}</a> <code class="quiet small">{a.source.slice(7, 15)}</code>
                  </th>
                  <td>
                    <Name of={a.to} />
                  </td>
                  <td>
                    <Name of={a.by} />
                  </td>
                  <td>
                    <Time at={a.at} rough />
                  </td>
                  <td>
                    {a.to === reviewer.name ? (
                      <label>
                        <input type="checkbox" checked={a.done} onChange={() => done(a)} /> <span class="offscreen">{a.path} is done</span>
                      </label>
                    ) : a.done ? (
                      'yes'
                    ) : (
                      'no'
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Async>
    </section>
  );
}

function OwnComments({ reviewer }: { reviewer: Reviewer }) {
  const list = useApi<{ items: Comment[] }>('/comments');
  return (
    <section class="stack tight">
      <h2>My comments</h2>
      <Async of={list} what="your comments" lines={4}>
        {({ items }) => {
          const shown = items.filter((c) => !c.removed);
          return shown.length === 0 ? (
            <p class="empty">You have written none.</p>
          ) : (
            <ul class="comments card">
              {shown.map((c) => (
                <CommentItem
                  key={c.id}
                  c={c}
                  mine={c.by === reviewer.name}
                  onChange={list.reload}
                  where={
                    <a href={sourceHref(c.source, c.path, { from: c.line, to: c.line })}>
                      <Name of={c.path} />, line {c.line}
                    </a>
                  }
                />
              ))}
            </ul>
          );
        }}
      </Async>
    </section>
  );
}

export default function Me() {
  const s = session.value;
  const reviewer = s?.reviewer ?? null;
  return (
    <>
      <Title name={reviewer === null ? 'For reviewers' : reviewer.name} />
      {reviewer === null ? (
        <Login />
      ) : (
        <div class="stack wide">
          <Profile reviewer={reviewer} />
          <Pending />
          <Assignments reviewer={reviewer} />
          <Visits reviewer={reviewer} />
          <OwnComments reviewer={reviewer} />
        </div>
      )}
    </>
  );
}
