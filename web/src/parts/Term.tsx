// SPDX-License-Identifier: Apache-2.0
// A word with its explanation in place: a button that opens one sentence. The sentences come from the
// site's list of terms; a word that is not there is shown as plain text.
import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { terms } from '../lib/store';
import { Said } from './Said';

export interface TermProps {
  /** The word as the list has it; the text itself when left out. */
  word?: string | undefined;
  children: ComponentChildren;
}

const GAP_PX = 8;

/** Puts the opened sentence under its word, within the window. */
function place(button: HTMLElement, pop: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const size = pop.getBoundingClientRect();
  const left = Math.max(GAP_PX, Math.min(at.left, innerWidth - size.width - GAP_PX));
  const below = at.bottom + GAP_PX + size.height <= innerHeight;
  pop.style.left = `${left}px`;
  pop.style.top = `${below ? at.bottom + GAP_PX : Math.max(GAP_PX, at.top - GAP_PX - size.height)}px`;
}

export function Term({ word, children }: TermProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const pop = useRef<HTMLSpanElement>(null);
  const name = word ?? (typeof children === 'string' ? children : '');
  const found = terms.value.get(name.toLowerCase());
  if (found === undefined) return <>{children}</>;
  return (
    <>
      <button ref={button} type="button" class="term" popovertarget={id} aria-describedby={id}>
        {children}
      </button>
      <span
        ref={pop}
        id={id}
        popover="auto"
        class="term-is"
        onToggle={(e: ToggleEvent) => {
          if (e.newState === 'open' && button.current !== null && pop.current !== null) place(button.current, pop.current);
        }}
      >
        <strong>{found.term}</strong>: <Said text={found.is} />
      </span>
    </>
  );
}
