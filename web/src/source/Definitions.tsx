// SPDX-License-Identifier: Apache-2.0
// Where an identifier is defined: one place is jumped to, of several one is picked in a dialog.
import { useLocation } from 'preact-iso';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get } from '../lib/api';
import { plural } from '../lib/format';
import { announce } from '../lib/store';
import type { SymbolPlace } from '../lib/types-source';
import { searchHref, sourceApi, sourceHref } from './address';
import { Name } from './Name';

export interface Asked {
  word: string;
  places: SymbolPlace[];
}

/** Gives the function that looks a word up, and what there is to choose from. */
export function useDefinitions(source: string, path: string): { jump: (word: string) => void; asked: Asked | null; close: () => void } {
  const { route } = useLocation();
  const [asked, setAsked] = useState<Asked | null>(null);
  const jump = (word: string): void => {
    get<{ items: SymbolPlace[] }>(sourceApi(source, '/symbols'), { name: word, limit: 100 }).then(
      ({ items }) => {
        const only = items.length === 1 ? items[0] : undefined;
        if (only === undefined) {
          setAsked({ word, places: [...items].sort((a, b) => Number(b.path === path) - Number(a.path === path)) });
          return;
        }
        announce(`${word} is defined in ${only.path}, line ${only.line}`);
        route(sourceHref(source, only.path, { from: only.line, to: only.line }));
      },
      () => announce(`Could not look up ${word}`),
    );
  };
  return { jump, asked, close: () => setAsked(null) };
}

export function Definitions({ asked, source, onClose }: { asked: Asked; source: string; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="definitions" onClose={onClose} onClick={(e) => e.target === dialog.current && dialog.current?.close()}>
      <div class="sheet-body stack">
        <h2 id="definitions">
          <code>
            <Name of={asked.word} />
          </code>
        </h2>
        {asked.places.length === 0 ? (
          <p>No definition of it is known in this snapshot.</p>
        ) : (
          <>
            <p class="quiet">{plural(asked.places.length, 'definition')} in this snapshot.</p>
            <ul class="places">
              {asked.places.map((p, i) => (
                <li key={i}>
                  <a href={sourceHref(source, p.path, { from: p.line, to: p.line })} onClick={() => dialog.current?.close()}>
                    <Name of={p.path} />:{p.line}
                  </a>{' '}
                  <span class="quiet">
                    {p.kind}
                    {p.scope !== null && (
                      <>
                        {' in '}
                        <Name of={p.scope} />
                      </>
                    )}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
        <p class="row">
          <a class="button" href={searchHref({ q: asked.word, source, in: 'content', mode: 'exact' })} onClick={() => dialog.current?.close()}>
            Find all its uses
          </a>
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </p>
      </div>
    </dialog>
  );
}
