// SPDX-License-Identifier: Apache-2.0
// What all pages share: the site, who is logged in, the theme, the terms, what was just announced.
import { signal } from '@preact/signals';
import { get } from './api';
import type { Session, Site } from './types';

export const site = signal<Site | null>(null);
export const session = signal<Session | null>(null);
/** Each word of the page and its one sentence; keys in lower case. */
export const terms = signal<ReadonlyMap<string, { term: string; is: string }>>(new Map());
/** What a screen reader is told next; the frame has the one live region. */
export const announced = signal('');
/** True from a navigation until the new page's heading has taken the focus. */
export const navigated = { current: false };

export type Theme = 'light' | 'dark' | 'system';

function stored(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is forbidden: the page works without
  }
}

export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // storage is forbidden or full: nothing is kept
  }
}

export const kept = stored;

const first = stored('theme');
export const theme = signal<Theme>(first === 'light' || first === 'dark' ? first : 'system');

export function setTheme(t: Theme): void {
  theme.value = t;
  keep('theme', t === 'system' ? null : t);
  showTheme();
}

export function showTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme.value;
}

export function announce(text: string): void {
  announced.value = announced.value === text ? `${text}\u00a0` : text;
}

/** Asked at start, and again when a checkpoint is published. Failures leave what was there. */
export async function loadSite(): Promise<void> {
  try {
    site.value = await get<Site>('/site');
  } catch {
    // the pages say themselves what they could not load
  }
}

/** Asked at start, and after login and logout. */
export async function loadSession(): Promise<void> {
  try {
    session.value = await get<Session>('/session');
  } catch {
    session.value = null;
  }
}

export async function loadTerms(): Promise<void> {
  try {
    const { items } = await get<{ items: { term: string; is: string }[] }>('/terms');
    terms.value = new Map(items.map((i) => [i.term.toLowerCase(), i]));
  } catch {
    // the words stay without explanation
  }
}
