// SPDX-License-Identifier: Apache-2.0
// Every page: nothing that axe-core finds, nothing that the content security policy forbids, no word to
// another host, no scrolling sideways at 360 pixels, no shift while it loads, light and dark.
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, Person, site, type Look } from './browser';
import { api, release } from './world';

const LOOKS: Record<string, Look> = {
  small: { width: 360, height: 740, scheme: 'light' },
  wide: { width: 1280, height: 900, scheme: 'dark' },
  large: { width: 3840, height: 2160, scheme: 'light' },
};

let browser: Browser;
let pages: [string, string][];

beforeAll(async () => {
  browser = await launch();
  const rules = await release('lantern-rules', '1.0.1');
  const before = await release('lantern-rules', '1.0.0');
  const asked = await api<{ items: { request: string }[] }>('/requests');
  pages = [
    ['home', '/'],
    ['releases', '/releases'],
    ['release', `/release/${rules.artifact}`],
    ['verify', '/verify'],
    ['log', '/log'],
    ['entry', '/log/1'],
    ['health', '/health'],
    ['about', '/about'],
    ['sources', '/sources'],
    ['source', `/source/${rules.source}`],
    ['file', `/source/${rules.source}/scripts.yar`],
    ['coverage', `/coverage/${rules.source}`],
    ['compare', `/compare/${before.source}/${rules.source}/zz_new.yar`],
    ['search', '/search?q=rule&mode=exact'],
    ['me', '/me'],
    ['join', '/join'],
    ['data', '/data'],
    ['requests', '/requests'],
    ['request', `/request/${asked.items[0]?.request ?? ''}`],
    ['relocations', '/relocations'],
    ['accesses', '/accesses'],
  ];
});

afterAll(async () => {
  await browser.close();
});

for (const [look, how] of Object.entries(LOOKS)) {
  test(`every page, ${look}`, async () => {
    const found: string[] = [];
    // At 4K the same rules apply as at 1280 pixels: what may break there is the layout.
    const some = look === 'large' ? pages.filter(([name]) => ['home', 'release', 'file', 'data', 'health'].includes(name)) : pages;
    for (const [name, path] of some) {
      const person = await Person.enter(browser, how);
      await person.open(path);
      await person.page.waitForTimeout(300);
      for (const v of await person.axe()) found.push(`${name}: ${v}`);
      const over = await person.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (over > 0) found.push(`${name}: ${over} pixels too wide`);
      for (const f of person.faults.list) found.push(`${name}: ${f}`);
      await person.shot(`pages/${name}-${look}`, look !== 'large');
      await person.leave();
    }
    expect(found).toEqual([]);
  });
}

test('the first load is small, quick and does not shift', async () => {
  const person = await Person.enter(browser);
  let size = 0;
  const bodies: Promise<void>[] = [];
  person.page.on('response', (r) => {
    if (!r.url().startsWith(`${site}/`) || r.url().includes('/api/')) return;
    bodies.push(r.body().then((b) => void (size += gzipSync(b).length)));
  });
  await person.page.addInitScript(() => {
    const g = globalThis as unknown as { shift: number };
    g.shift = 0;
    new PerformanceObserver((list) => {
      for (const e of list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[])
        if (!e.hadRecentInput) g.shift += e.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await person.open('/');
  await person.page.waitForTimeout(1000);
  await Promise.all(bodies);
  const at = await person.page.evaluate(() => ({
    shift: (globalThis as unknown as { shift: number }).shift,
    paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9,
    ready: (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming).domContentLoadedEventEnd,
  }));
  console.log(`first load: ${(size / 1000).toFixed(0)} kB compressed, first paint ${at.paint.toFixed(0)} ms, usable ${at.ready.toFixed(0)} ms, shift ${at.shift.toFixed(4)}`);
  expect(size).toBeLessThan(250_000);
  expect(at.shift).toBeLessThan(0.01);
});

test('everything can be reached by the keyboard', async () => {
  const person = await Person.enter(browser);
  await person.open('/');
  const reached = new Set<string>();
  for (let i = 0; i < 40; i++) {
    await person.page.keyboard.press('Tab');
    const where = await person.page.evaluate(() => {
      const e = document.activeElement as HTMLElement;
      const r = e.getBoundingClientRect();
      return { name: (e.textContent ?? '').trim() || e.getAttribute('aria-label') || e.tagName, seen: r.width > 0 && r.height > 0, outline: getComputedStyle(e).outlineStyle };
    });
    expect(where.seen).toBe(true);
    reached.add(where.name);
  }
  for (const name of ['Releases', 'Source', 'Data', 'Log', 'Health', 'Verify', 'About']) expect([...reached]).toContain(name);
});
