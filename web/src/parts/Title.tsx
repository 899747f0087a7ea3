// SPDX-License-Identifier: Apache-2.0
// A page's heading: it gives the window its title and takes the focus after a navigation.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { navigated, site } from '../lib/store';

export interface TitleProps {
  /** For the window's title; plain text. */
  name: string;
  /** The heading, when it is more than the name. */
  children?: ComponentChildren | undefined;
  /** One sentence below: what this page is for. */
  lead?: ComponentChildren | undefined;
}

export function Title({ name, children, lead }: TitleProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const of = site.value?.name;
  useEffect(() => {
    document.title = `${name} · ${of === undefined ? '' : `${of} `}Transparency Centre`;
  }, [name, of]);
  useEffect(() => {
    if (!navigated.current) return;
    navigated.current = false;
    heading.current?.focus({ preventScroll: true });
    if (location.hash === '') scrollTo(0, 0);
  }, []);
  return (
    <header class="page-title">
      <h1 ref={heading} tabIndex={-1}>
        {children ?? name}
      </h1>
      {lead !== undefined && <p class="lead">{lead}</p>}
    </header>
  );
}
