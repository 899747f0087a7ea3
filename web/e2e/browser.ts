// SPDX-License-Identifier: Apache-2.0
// A browser for tests of the page: Debian's Chromium through playwright-core, each person a context of
// their own with an authenticator of their own; what a page should never do is noted and told.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContext, type CDPSession, type Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const site = process.env['CENTRE_URL'] ?? '';
const shots = process.env['CENTRE_SHOTS'];

/** Chromium as root in a container, and without a word to anybody but the site. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** What a page must never do, as it happens. */
export class Faults {
  readonly list: string[] = [];
  watch(page: Page): void {
    page.on('pageerror', (e) => this.list.push(`error: ${e.message}`));
    page.on('console', (m) => {
      if (m.type() !== 'error') return;
      // A status that the page expects and explains is no fault of its own.
      if (/Failed to load resource/.test(m.text())) return;
      this.list.push(`console: ${m.text()}`);
    });
    page.on('request', (r) => {
      const u = r.url();
      if (!u.startsWith(site) && !u.startsWith('blob:') && !u.startsWith('data:'))
        this.list.push(`asked another host: ${u}`);
    });
    page.on('response', (r) => {
      if (r.status() >= 500 && r.status() !== 503) this.list.push(`${r.status()}: ${r.url()}`);
    });
    page.on('dialog', (d) => {
      this.list.push(`a dialog: ${d.message()}`);
      void d.dismiss();
    });
  }
}

export type Look = { width: number; height: number; scheme: 'light' | 'dark' };
export const desk: Look = { width: 1280, height: 900, scheme: 'light' };

export class Person {
  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    readonly faults: Faults,
    readonly cdp: CDPSession,
  ) {}

  static async enter(browser: Browser, look: Look = desk): Promise<Person> {
    const context = await browser.newContext({
      viewport: { width: look.width, height: look.height },
      colorScheme: look.scheme,
      baseURL: site,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    const faults = new Faults();
    faults.watch(page);
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (e) => {
        console.error(`policy violation: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`);
      });
    });
    const cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return new Person(context, page, faults, cdp);
  }

  /** Opens an address of the page and waits until it is quiet. */
  async open(path: string): Promise<void> {
    await this.page.goto(site + path, { waitUntil: 'load' });
    await this.settle();
  }

  /** Until nothing is loading any more. */
  async settle(): Promise<void> {
    await this.page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
  }

  async shot(name: string, whole = false): Promise<void> {
    if (shots === undefined) return;
    mkdirSync(shots, { recursive: true });
    await this.page.screenshot({ path: `${shots}/${name}.png`, fullPage: whole });
  }

  /** What axe-core finds against WCAG 2.2 A and AA, one line each. */
  async axe(): Promise<string[]> {
    // Through the debugger, which the page's policy does not bind.
    await this.page.evaluate(axe);
    return this.page.evaluate(async () => {
      const run = (globalThis as unknown as {
        axe: { run(o: unknown): Promise<{ violations: { id: string; help: string; nodes: { target: unknown[] }[] }[] }> };
      }).axe;
      const found = await run.run({
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      });
      return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join('; ')}`);
    });
  }

  async leave(): Promise<void> {
    await this.context.close();
  }
}
