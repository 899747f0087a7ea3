// SPDX-License-Identifier: Apache-2.0
// The frame around all pages.
import { ErrorBoundary, LocationProvider, Route, Router, useLocation } from 'preact-iso';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { useEvent } from './lib/events';
import { count } from './lib/format';
import { announced, loadSite, navigated, session, setTheme, site, theme, type Theme } from './lib/store';
import { routes } from './routes';
import { Digest } from './parts/Digest';
import { Time } from './parts/Time';
import { Title } from './parts/Title';

const NAVIGATION = [
  { to: '/releases', name: 'Releases', also: ['/release'] },
  { to: '/sources', name: 'Source', also: ['/source', '/coverage', '/compare', '/search'] },
  { to: '/data', name: 'Data', also: ['/requests', '/request', '/relocations', '/accesses'] },
  { to: '/log', name: 'Log', also: [] },
  { to: '/health', name: 'Health', also: [] },
  { to: '/verify', name: 'Verify', also: [] },
  { to: '/about', name: 'About', also: [] },
];

// Only these addresses are pages of this program; the browser itself opens everything else of the site.
const PAGES = /^\/(?:(?:releases|verify|log|health|about|sources|search|me|join|data|requests|relocations|accesses|release|source|coverage|compare|request)(?:[/?#]|$)|[?#]|$)/;

function within(path: string, at: string): boolean {
  return path === at || path.startsWith(`${at}/`);
}

function Navigation() {
  const { path } = useLocation();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  return (
    <nav class={open ? 'main-nav open' : 'main-nav'} aria-label="Main">
      <button type="button" class="menu" aria-expanded={open} aria-controls="menu" onClick={() => setOpen(!open)}>
        <svg viewBox="0 0 16 16" width="1rem" height="1rem" aria-hidden="true" stroke="currentColor" stroke-width="1.6" stroke-linecap="round">
          <path d={open ? 'M3.5 3.5l9 9M12.5 3.5l-9 9' : 'M2 4h12M2 8h12M2 12h12'} />
        </svg>
        Menu
      </button>
      <ul id="menu">
        {NAVIGATION.map(({ to, name, also }) => {
          const here = [to, ...also].some((at) => within(path, at));
          return (
            <li key={to}>
              <a href={to} {...(here ? { 'aria-current': path === to ? ('page' as const) : ('true' as const) } : {})}>
                {name}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function SearchBox() {
  const { route, path, query } = useLocation();
  const shown = path === '/search' ? (query['q'] ?? '') : '';
  return (
    <form
      class="search"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        const q = String(new FormData(e.currentTarget).get('q') ?? '').trim();
        if (q !== '') route(`/search?${new URLSearchParams({ q })}`);
      }}
    >
      <label class="offscreen" for="search">
        Search in all sources
      </label>
      <input id="search" name="q" type="search" placeholder="Search source" autocomplete="off" spellcheck={false} maxLength={256} key={shown} defaultValue={shown} />
    </form>
  );
}

const THEMES: Record<Theme, { name: string; next: Theme; path: string }> = {
  system: { name: 'as the system', next: 'light', path: 'M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12' },
  light: { name: 'light', next: 'dark', path: 'M8 5a3 3 0 1 0 0 6a3 3 0 0 0 0-6zM8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1' },
  dark: { name: 'dark', next: 'system', path: 'M13.4 10A6 6 0 0 1 6 2.6a6 6 0 1 0 7.4 7.4z' },
};

function ThemeSwitch() {
  const now = THEMES[theme.value];
  return (
    <button type="button" class="icon" title={`Colours: ${now.name}`} aria-label={`Colours: ${now.name}. Change to ${THEMES[now.next].name}`} onClick={() => setTheme(now.next)}>
      <svg viewBox="0 0 16 16" width="1.125rem" height="1.125rem" aria-hidden="true" fill={theme.value === 'system' ? 'currentColor' : 'none'} stroke="currentColor" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round">
        <path d={now.path} fill-opacity={theme.value === 'system' ? 0.35 : 1} />
      </svg>
    </button>
  );
}

function Header() {
  const reviewer = session.value?.reviewer ?? null;
  return (
    <header class="site-header">
      <div class="bar">
        <a class="brand" href="/">
          <Mark />
          <span>
            <strong>Transparency Centre</strong>
            <span class="brand-site">{site.value?.name ?? '\u00a0'}</span>
          </span>
        </a>
        <Navigation />
        <div class="tools">
          <SearchBox />
          <ThemeSwitch />
          <a class="login" href="/me">
            {reviewer === null ? 'Log in' : reviewer.name}
          </a>
        </div>
      </div>
    </header>
  );
}

/** A pane of glass with a tree behind it. */
function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="2rem" height="2rem" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
      <rect x="3" y="3" width="26" height="26" rx="6" />
      <path d="M16 9v4M16 13l-6 5M16 13l6 5M10 18v4M22 18v4" />
      <circle cx="16" cy="9" r="1.4" fill="currentColor" />
      <circle cx="10" cy="22.6" r="1.4" fill="currentColor" />
      <circle cx="22" cy="22.6" r="1.4" fill="currentColor" />
    </svg>
  );
}

function Footer() {
  const s = site.value;
  return (
    <footer class="site-footer">
      <div class="bar">
        <p>
          Log <strong>{s?.origin ?? '…'}</strong>
          {s?.checkpoint != null && (
            <>
              {', '}
              {count(s.checkpoint.size)} entries, <Time at={s.checkpoint.time} rough />, root <Digest of={s.checkpoint.root} what="root" />
            </>
          )}
        </p>
        <p>
          <a href="/checkpoint">Checkpoint</a> <a href="/policy">Policy</a> <a href="/api/v1/openapi.json">API</a> <a href="/api/v1/feed.atom">Feed</a> <a href="/plain">Without scripts</a>
          <span class="quiet">{s === null ? '' : ` Vitrine ${s.version}`}</span>
        </p>
      </div>
    </footer>
  );
}

function NotFound() {
  return (
    <>
      <Title name="Not found" lead="There is no page at this address." />
      <p>
        <a href="/">Go to the start</a>, or pick a page from the menu above.
      </p>
    </>
  );
}

function Broken({ error }: { error: Error }) {
  return (
    <>
      <Title name="This page failed" lead="Something in this page went wrong. What was shown before it is gone; what is verified is not changed by it." />
      <p class="note bad" role="alert">
        {error.message}
      </p>
      <button type="button" onClick={() => location.reload()}>
        Load the page again
      </button>
    </>
  );
}

function Pages() {
  const { path } = useLocation();
  const [failed, setFailed] = useState<{ path: string; error: Error } | null>(null);
  const changed = useCallback(() => void (navigated.current = true), []);
  if (failed !== null && failed.path === path) return <Broken error={failed.error} />;
  return (
    <ErrorBoundary onError={(error) => setFailed({ path, error })}>
      <Router onRouteChange={changed}>
        {routes.map(({ path: at, page }) => (
          <Route key={at} path={at} component={page} />
        ))}
        <Route default component={NotFound} />
      </Router>
    </ErrorBoundary>
  );
}

export function App() {
  useEvent('checkpoint', useCallback(() => void loadSite(), []));
  return (
    <LocationProvider scope={PAGES}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {site.value?.problem != null && (
          <p class="note bad" role="alert">
            <strong>The site reports a problem with its own log:</strong> {site.value.problem}
          </p>
        )}
        <Pages />
      </main>
      <Footer />
      <div class="offscreen" role="status" aria-live="polite">
        {announced.value}
      </div>
    </LocationProvider>
  );
}
