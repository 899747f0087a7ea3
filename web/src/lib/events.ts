// SPDX-License-Identifier: Apache-2.0
// The site's server-sent events: one connection for the whole page, closed while nobody looks.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { apiUrl } from './api';
import type { Link } from './types';

export interface EventMap {
  checkpoint: { size: number; time: string | null };
  entry: Link;
}

type Listener = (name: keyof EventMap, data: EventMap[keyof EventMap]) => void;

/** Whether the page hears of new things at once. */
export const live = signal(false);

const listeners = new Set<Listener>();
let source: EventSource | null = null;

function hear(name: keyof EventMap, text: string): void {
  let data: EventMap[keyof EventMap];
  try {
    data = JSON.parse(text) as EventMap[keyof EventMap];
  } catch {
    return; // not ours
  }
  for (const listener of listeners) listener(name, data);
}

function open(): void {
  if (source !== null || document.hidden) return;
  source = new EventSource(apiUrl('/events'));
  source.onopen = () => (live.value = true);
  source.onerror = () => (live.value = false); // the browser tries again by itself
  source.addEventListener('checkpoint', (e) => hear('checkpoint', (e as MessageEvent<string>).data));
  source.addEventListener('entry', (e) => hear('entry', (e as MessageEvent<string>).data));
}

function close(): void {
  source?.close();
  source = null;
  live.value = false;
}

/** Called once, by main.tsx. */
export function startEvents(): void {
  open();
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
}

/** Calls `then` on each event of that name while the component is there. */
export function useEvent<K extends keyof EventMap>(name: K, then: (data: EventMap[K]) => void): void {
  useEffect(() => {
    const listener: Listener = (n, data) => {
      if (n === name) then(data as EventMap[K]);
    };
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [name, then]);
}
