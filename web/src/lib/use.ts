// SPDX-License-Identifier: Apache-2.0
// Loading from the API inside components.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { apiUrl, get } from './api';
import { useEvent } from './events';
import type { List } from './types';

export interface Loaded<T> {
  data: T | null;
  error: Error | null;
  loading: boolean;
  reload: () => void;
}

type Query = Record<string, string | number | undefined | null>;

// What was shown last for an address, so that going back shows it at once while it is asked for anew.
const seen = new Map<string, unknown>();
const SEEN_MAX = 60;

function remember(url: string, value: unknown): void {
  seen.delete(url);
  seen.set(url, value);
  if (seen.size > SEEN_MAX) seen.delete(seen.keys().next().value as string);
}

/** Answers that depend on who asks are forgotten: called at login and logout. */
export function forget(): void {
  seen.clear();
}

function asError(e: unknown): Error {
  return e instanceof Error ? e : new Error(String(e));
}

/**
 * GET of the API. `path` null: nothing is asked (yet). With `live` it is asked again, quietly, when a
 * checkpoint is published.
 */
export function useApi<T>(path: string | null, query?: Query, options: { live?: boolean } = {}): Loaded<T> {
  const url = path === null ? null : apiUrl(path, query);
  const [state, setState] = useState<{ url: string | null; data: T | null; error: Error | null }>({ url: null, data: null, error: null });
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    if (path === null || url === null) return;
    const stop = new AbortController();
    get<T>(path, query, stop.signal).then(
      (data) => {
        remember(url, data);
        setState({ url, data, error: null });
      },
      (e: unknown) => {
        if (!stop.signal.aborted) setState((s) => ({ url, data: s.url === url ? s.data : null, error: asError(e) }));
      },
    );
    return () => stop.abort();
  }, [url, turn]);

  const reload = useCallback(() => setTurn((t) => t + 1), []);
  useEvent('checkpoint', useCallback(() => options.live === true && setTurn((t) => t + 1), [options.live]));

  const current = state.url === url ? state : { data: null, error: null };
  const data = current.data ?? ((url !== null ? (seen.get(url) as T | undefined) : undefined) ?? null);
  return { data: current.error === null ? data : current.data, error: current.error, loading: url !== null && data === null && current.error === null, reload };
}

export interface Pages<T> extends Loaded<T[]> {
  /** Asks for the next page; null at the end of the list. */
  more: (() => void) | null;
  busy: boolean;
}

/** A list of the API, page after page. A changed path or query begins anew. */
export function usePages<T>(path: string | null, query: Query = {}, options: { live?: boolean } = {}): Pages<T> {
  const first = useApi<List<T>>(path, query, options);
  const key = path === null ? '' : apiUrl(path, query);
  const [rest, setRest] = useState<{ key: string; items: T[]; next: string | null } | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const stop = useRef<AbortController | null>(null);

  useEffect(() => {
    setRest(null);
    setError(null);
    setBusy(false);
    return () => stop.current?.abort();
  }, [key, first.data]);

  const after = rest !== null && rest.key === key ? rest : null;
  const next = after !== null ? after.next : (first.data?.next ?? null);
  const more = useCallback(() => {
    if (path === null || next === null) return;
    const asked = new AbortController();
    stop.current = asked;
    setBusy(true);
    get<List<T>>(path, { ...query, after: next }, asked.signal).then(
      (page) => {
        setRest((r) => ({ key, items: [...(r !== null && r.key === key ? r.items : []), ...page.items], next: page.next }));
        setBusy(false);
      },
      (e: unknown) => {
        if (asked.signal.aborted) return;
        setError(asError(e));
        setBusy(false);
      },
    );
  }, [key, next]);

  const items = first.data === null ? null : after === null ? first.data.items : [...first.data.items, ...after.items];
  return { data: items, error: first.error ?? error, loading: first.loading, reload: first.reload, more: next === null ? null : more, busy };
}
