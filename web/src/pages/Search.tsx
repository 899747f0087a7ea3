// SPDX-License-Identifier: Apache-2.0
// Search in names, contents and symbols, of one snapshot or of all. The question stands in the address.
import { useLocation } from 'preact-iso';
import { useRef } from 'preact/hooks';
import { count, plural } from '../lib/format';
import type { Source } from '../lib/types';
import type { SearchAnswer, SearchItem } from '../lib/types-source';
import { useApi } from '../lib/use';
import type { List } from '../lib/types';
import { Async } from '../parts/Async';
import { Title } from '../parts/Title';
import { digestOf, searchHref, sourceHref, type Ask } from '../source/address';
import { Highlighted } from '../source/Highlighted';
import { Name } from '../source/Name';
import { labelOf } from '../source/parts';
import '../styles/source.css';

const MODES = [
  ['exact', 'Exact'],
  ['icase', 'Any case'],
  ['regex', 'Regular expression'],
] as const;
const PLACES = [
  ['content', 'Contents'],
  ['name', 'File names'],
  ['symbol', 'Symbols'],
] as const;
const LIMIT = 100;

function askOf(query: Record<string, string>): Ask {
  const mode = MODES.find(([m]) => m === query['mode'])?.[0] ?? 'icase';
  const place = PLACES.find(([p]) => p === query['in'])?.[0] ?? 'content';
  return { q: query['q'] ?? '', mode, in: place, source: digestOf(query['source']) ?? '', path: query['path'] ?? '' };
}

function Choice({ name, legend, all, value }: { name: string; legend: string; all: readonly (readonly [string, string])[]; value: string }) {
  return (
    <fieldset class="choice">
      <legend class="offscreen">{legend}</legend>
      {all.map(([v, words]) => (
        <label key={v}>
          <input type="radio" name={name} value={v} defaultChecked={v === value} onChange={(e) => e.currentTarget.form?.requestSubmit()} /> <span>{words}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Form({ ask, sources }: { ask: Ask; sources: Source[] }) {
  const { route } = useLocation();
  const form = useRef<HTMLFormElement>(null);
  const submit = (e: SubmitEvent): void => {
    e.preventDefault();
    if (form.current === null) return;
    const f = new FormData(form.current);
    const say = (name: string): string => String(f.get(name) ?? '');
    const all = { q: say('what'), mode: say('mode'), in: say('in'), source: say('source'), path: say('path').trim() };
    if (all.q !== '') route(searchHref(all));
  };
  return (
    <form ref={form} class="form search-form card" role="search" aria-label="Search the source" onSubmit={submit} key={JSON.stringify(ask)}>
      <div class="row">
        <input class="search-what" type="search" name="what" aria-label="What to search for" placeholder="What to search for" defaultValue={ask.q} maxLength={256} spellcheck={false} autocomplete="off" autocapitalize="off" />
        <button type="submit" class="primary">
          Search
        </button>
      </div>
      <div class="row search-how">
        <Choice name="in" legend="Where" all={PLACES} value={ask.in} />
        <Choice name="mode" legend="How" all={MODES} value={ask.mode} />
      </div>
      <div class="row end">
        <div class="field">
          <label for="search-source">Snapshot</label>
          <select id="search-source" name="source" onChange={() => form.current?.requestSubmit()}>
            <option value="">All snapshots</option>
            {sources.map((s) => (
              <option key={s.source} value={s.source} selected={s.source === ask.source}>
                {labelOf(s)}
              </option>
            ))}
            {ask.source !== '' && !sources.some((s) => s.source === ask.source) && (
              <option value={ask.source} selected>
                {ask.source.slice(7, 19)}
              </option>
            )}
          </select>
        </div>
        <div class="field">
          <label for="search-path">Path has</label>
          <input id="search-path" name="path" defaultValue={ask.path} placeholder="src/" spellcheck={false} autocomplete="off" autocapitalize="off" maxLength={256} />
        </div>
      </div>
    </form>
  );
}

function Found({ item, ask, labels }: { item: SearchItem; ask: Ask; labels: Map<string, string> }) {
  const source = ask.source !== '' && item.sources.includes(ask.source) ? ask.source : item.sources[0];
  if (source === undefined) return null;
  const others = item.sources.filter((s) => s !== source);
  return (
    <li class="found card">
      <h2>
        <a href={sourceHref(source, item.path)}>
          <Name of={item.path} />
        </a>
      </h2>
      <p class="quiet small">
        {labels.get(source) ?? source.slice(7, 19)}
        {others.length > 0 && (
          <>
            {', the same in '}
            {others.slice(0, 4).map((s, i) => (
              <>
                {i > 0 && ', '}
                <a href={sourceHref(s, item.path)}>{labels.get(s) ?? s.slice(7, 19)}</a>
              </>
            ))}
            {others.length > 4 && ` and ${count(others.length - 4)} more`}
          </>
        )}
        {item.language !== null && item.language !== '' && `, ${item.language}`}
      </p>
      {item.matches.length > 0 && (
        <ul class="found-lines">
          {item.matches.map((m, i) => (
            <li key={i}>
              <a href={sourceHref(source, item.path, m.line > 0 ? { from: m.line, to: m.line } : null)}>
                <span class="found-line">{m.line > 0 ? m.line : ''}</span>
                <Highlighted text={m.text} ranges={m.ranges} />
              </a>
            </li>
          ))}
        </ul>
      )}
      {item.more > 0 && (
        <p class="quiet small">
          and {plural(item.more, 'more line')} in <a href={sourceHref(source, item.path)}>this file</a>
        </p>
      )}
    </li>
  );
}

/** Up and down go from one found line to the next. */
function onKeys(e: KeyboardEvent & { currentTarget: HTMLElement }): void {
  if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return;
  const links = [...e.currentTarget.querySelectorAll<HTMLAnchorElement>('h2 a, .found-lines a')];
  const i = links.indexOf(document.activeElement as HTMLAnchorElement);
  const to = links[i + (e.key === 'ArrowDown' ? 1 : -1)];
  if (i < 0 || to === undefined) return;
  e.preventDefault();
  to.focus();
}

function Results({ answer, ask, labels }: { answer: SearchAnswer; ask: Ask; labels: Map<string, string> }) {
  if (answer.items.length === 0) {
    return (
      <p class="empty">
        Nothing was found, in {count(answer.took_ms)} ms.{ask.mode === 'exact' ? ' Try it in any case.' : ''}
      </p>
    );
  }
  return (
    <section aria-label="Results">
      <p class="quiet" role="status">
        {answer.truncated ? `The first ${plural(answer.files, 'file')}` : plural(answer.files, 'file')} in {answer.took_ms < 10 ? answer.took_ms.toFixed(1) : count(Math.round(answer.took_ms))} ms
        {answer.truncated && '. There is more: narrow the search.'}
      </p>
      <ul class="found-list" onKeyDown={onKeys}>
        {answer.items.map((item) => (
          <Found key={`${item.blob} ${item.path}`} item={item} ask={ask} labels={labels} />
        ))}
      </ul>
    </section>
  );
}

const EXAMPLES: [Partial<Ask>, string][] = [
  [{ q: 'password' }, 'a word, in any case'],
  [{ q: 'memcpy\\(.*len', mode: 'regex' }, 'a regular expression'],
  [{ q: 'main', in: 'symbol', mode: 'exact' }, 'a symbol by its name'],
  [{ q: '.rules', in: 'name' }, 'files by a part of their name'],
];

export default function Search() {
  const { query } = useLocation();
  const ask = askOf(query);
  const sources = useApi<List<Source>>('/sources', { limit: 100 });
  const answer = useApi<SearchAnswer>(ask.q === '' ? null : '/search', {
    q: ask.q,
    mode: ask.mode,
    in: ask.in,
    source: ask.source === '' ? undefined : ask.source,
    path: ask.path === '' ? undefined : ask.path,
    limit: LIMIT,
  });
  const known = sources.data?.items ?? [];
  const labels = new Map(known.map((s) => [s.source, labelOf(s)]));
  return (
    <>
      <Title name={ask.q === '' ? 'Search' : `${ask.q} – search`} lead="In names, contents and symbols of every snapshot.">
        Search the source
      </Title>
      <Form ask={ask} sources={known} />
      {ask.q === '' ? (
        <section class="prose">
          <h2>For instance</h2>
          <ul>
            {EXAMPLES.map(([example, words]) => (
              <li key={words}>
                <a href={searchHref({ ...example, source: ask.source })}>
                  <code>{example.q}</code>
                </a>
                , {words}
              </li>
            ))}
          </ul>
        </section>
      ) : (
        <Async of={answer} what="what was found" lines={12}>
          {(a) => <Results answer={a} ask={ask} labels={labels} />}
        </Async>
      )}
    </>
  );
}
