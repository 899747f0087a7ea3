// SPDX-License-Identifier: Apache-2.0
// Which policy the page checks with: one that the visitor gave, kept in this browser, or else the site's.
import { signal } from '@preact/signals';
import { bytes } from './api';
import { keep, kept } from './store';

export interface PolicyInUse {
  /** The file's bytes. */
  data: Uint8Array;
  text: string;
  own: boolean;
}

/** The visitor's own policy as text, or null. */
export const ownPolicy = signal<string | null>(kept('policy'));

export function setOwnPolicy(text: string | null): void {
  ownPolicy.value = text;
  keep('policy', text);
}

let sites: Promise<PolicyInUse> | null = null;

function sitesPolicy(): Promise<PolicyInUse> {
  sites ??= bytes('/policy').then((data) => ({ data, text: new TextDecoder().decode(data), own: false }));
  sites.catch(() => (sites = null));
  return sites;
}

export async function policyInUse(): Promise<PolicyInUse> {
  const own = ownPolicy.value;
  return own === null ? sitesPolicy() : { data: new TextEncoder().encode(own), text: own, own: true };
}
