// SPDX-License-Identifier: Apache-2.0
// Shows what was loaded. While it is loading the place is kept (`lines` of text high), so that nothing
// jumps; an error says what can be done.
import type { ComponentChildren } from 'preact';
import { ApiError } from '../lib/api';
import { sentence } from '../lib/format';
import type { Loaded } from '../lib/use';

export interface AsyncProps<T> {
  of: Loaded<T>;
  /** What is being loaded, in words: "the releases". */
  what: string;
  /** Height to keep, in lines of text. */
  lines?: number | undefined;
  children: (data: T) => ComponentChildren;
}

export function Async<T>({ of, what, lines = 8, children }: AsyncProps<T>) {
  if (of.data !== null) {
    return (
      <>
        {of.error !== null && <Problem error={of.error} what={what} again={of.reload} />}
        {children(of.data)}
      </>
    );
  }
  if (of.error !== null) return <Problem error={of.error} what={what} again={of.reload} />;
  return (
    <div class="loading" style={{ minHeight: `${lines * 1.6}rem` }} aria-busy="true">
      <p class="quiet">Loading {what}…</p>
      <div class="bones" aria-hidden="true">
        {Array.from({ length: Math.min(lines - 1, 6) }, (_, i) => (
          <span key={i} />
        ))}
      </div>
    </div>
  );
}

function advice(error: Error): string {
  if (!(error instanceof ApiError)) return 'The site could not be reached. Check your connection, then try again.';
  switch (error.code) {
    case 'not-found':
      return 'The site has nothing under this name. Check the address.';
    case 'login':
    case 'forbidden':
      return 'This is open to named reviewers only. Log in with your passkey.';
    case 'slow-down':
      return 'You asked more often than the site allows. Wait a minute, then try again.';
    case 'bad-request':
      return 'The site did not understand the question. Change it, then try again.';
    default:
      return 'Try again in a moment.';
  }
}

export function Problem({ error, what, again }: { error: Error; what: string; again?: (() => void) | undefined }) {
  return (
    <div class="note bad" role="alert">
      <p>
        <strong>Could not load {what}.</strong> {error instanceof ApiError ? `${sentence(error.message)} ` : ''}
        {advice(error)}
      </p>
      {again !== undefined && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
