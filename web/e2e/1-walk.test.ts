// SPDX-License-Identifier: Apache-2.0
// A sceptic walks through the Centre: verifies a release, sees a changed passport found out, drops a file,
// reads and searches the source; two reviewers of two organisations sign it off with passkeys, and
// only then does a customer who demands it update.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, Person, site } from './browser';
import { api, demo, extendPolicy, home, objectFile, passportFile, refused, release, until, vaultOf, vitrine, type Release } from './world';

const PEOPLE = [
  { name: 'alice.example', organisation: 'east' },
  { name: 'bob.example', organisation: 'west' },
] as const;

let browser: Browser;
let visitor: Person;
let rules: Release;
const reviewers: Person[] = [];
const lines: string[] = [];

beforeAll(async () => {
  browser = await launch();
  visitor = await Person.enter(browser);
  rules = await release('lantern-rules', '1.0.1');
});

afterAll(async () => {
  await browser.close();
});

function noFaults(...people: Person[]): void {
  for (const p of people) expect(p.faults.list).toEqual([]);
}

test('the front page says how things stand', async () => {
  await visitor.open('/');
  await visitor.page.getByRole('heading', { level: 1 }).waitFor();
  await visitor.shot('home', true);
  noFaults(visitor);
});

test('a release is verified in the browser', async () => {
  await visitor.open(`/release/${rules.artifact}`);
  await visitor.page.locator('.verdict.ok').waitFor({ timeout: 20_000 });
  await visitor.shot('release-verified');
  await visitor.shot('release-verified-whole', true);
  noFaults(visitor);
});

test('one changed byte of its passport is found, and said in words', async () => {
  const path = passportFile(rules.artifact);
  const good = readFileSync(path);
  // A byte within the first entry: base64 stays base64.
  const at = good.indexOf('\nentry ') + 40;
  const bad = Buffer.from(good);
  bad[at] = bad[at] === 0x41 ? 0x42 : 0x41;
  writeFileSync(path, bad);
  try {
    await visitor.open(`/release/${rules.artifact}`);
    await visitor.page.locator('.verdict.bad').waitFor({ timeout: 20_000 });
    const said = await visitor.page.locator('.verdict-failure').innerText();
    expect(said.length).toBeGreaterThan(20);
    await visitor.shot('release-refused');
  } finally {
    writeFileSync(path, good);
  }
  await visitor.open(`/release/${rules.artifact}`);
  await visitor.page.locator('.verdict.ok').waitFor({ timeout: 20_000 });
  noFaults(visitor);
});

test('a dropped file is hashed here and looked up, an unknown one is said to be unknown', async () => {
  const sent: number[] = [];
  visitor.page.on('request', (r) => sent.push(r.postDataBuffer()?.length ?? 0));
  await visitor.open('/verify');
  const chooser = visitor.page.locator('input[type=file]').first();
  await chooser.setInputFiles({ name: rules.file, mimeType: 'application/octet-stream', buffer: readFileSync(objectFile(rules.artifact)) });
  await visitor.page.locator('.verdict.ok').waitFor({ timeout: 20_000 });
  await visitor.shot('file-verified');
  await visitor.open('/verify');
  await visitor.page.locator('input[type=file]').first().setInputFiles({ name: 'other', mimeType: 'text/plain', buffer: Buffer.from('never released') });
  await visitor.page.getByText(/never|unknown|not heard|no entry/i).first().waitFor();
  await visitor.shot('file-unknown');
  expect(Math.max(0, ...sent)).toBe(0); // nothing of it was sent
  noFaults(visitor);
});

test('the source is searched and read', async () => {
  await visitor.open('/search?q=demo_second_sample&mode=exact');
  await visitor.page.getByRole('link', { name: /zz_new\.yar/ }).first().waitFor();
  await visitor.shot('search');
  await visitor.open(`/source/${rules.source}/zz_new.yar#L3-6`);
  await visitor.page.locator('.cm-content, .code').first().waitFor();
  await visitor.page.getByText('demo_second_sample').first().waitFor();
  await visitor.shot('source');
  noFaults(visitor);
});

test('what changed since the release before is shown', async () => {
  const before = await release('lantern-rules', '1.0.0');
  await visitor.open(`/release/${rules.artifact}`);
  await visitor.page.getByText('demo_second_sample').first().waitFor();
  await visitor.open(`/compare/${before.source}/${rules.source}`);
  await visitor.page.getByText('zz_new.yar').first().waitFor();
  await visitor.shot('compare', true);
  noFaults(visitor);
});

test('two reviewers of two organisations join with passkeys', async () => {
  for (const who of PEOPLE) {
    const asked = vitrine('centre', 'invite', home('zurich'), '--name', who.name, '--organisation', who.organisation, '--role', 'reviewer');
    const link = String(asked['link']);
    const person = await Person.enter(browser);
    await person.open(new URL(link).pathname + new URL(link).hash);
    await person.page.getByRole('button', { name: /make my passkey/i }).click();
    await person.page.getByText(`Welcome, ${who.name}`).waitFor();
    await person.shot(`joined-${who.organisation}`);
    const line = (await person.page.getByText(/^signer /).first().innerText()).trim();
    expect(line).toMatch(new RegExp(`^signer \\S+ ${who.name}\\+`));
    lines.push(line);
    reviewers.push(person);
  }
  noFaults(...reviewers);
});

test('policies name them, and the customer demands that both have reviewed', () => {
  const short = lines.map((line) => line.split(' ')[1] as string);
  const demand = [...lines, `group east any ${short[0]}`, `group west any ${short[1]}`, 'group board all east west', 'require review board'];
  extendPolicy('zurich', demand);
  extendPolicy('customer', demand);
  vitrine('site', 'reload', home('zurich'));
  const customer = home('customer', 'reviewed');
  const said = refused('update', 'databases', '--from', site.replace('localhost', '127.0.0.1'), '--root', home('customer', 'root.json'), '--policy', home('customer', 'policy'), '--into', customer);
  expect(said).toMatch(/review/);
});

async function readAll(person: Person): Promise<void> {
  const tree = await api<{ entries: { name: string; kind: string; size: number }[] }>(`/sources/${rules.source}/tree?path=`);
  for (const e of tree.entries.filter((entry) => entry.kind === 'file' && entry.size > 0)) {
    await person.open(`/source/${rules.source}/${encodeURIComponent(e.name)}`);
    await person.page.getByRole('button', { name: 'I read this file: ok' }).click();
  }
}

async function sign(person: Person): Promise<void> {
  await person.page.getByRole('button', { name: 'Sign with my passkey' }).click();
  await person.page.getByText(/in a tree of \d+/).waitFor({ timeout: 60_000 });
}

async function covered(): Promise<{ covered: number; files: number; organisations: number; met: boolean }> {
  return (await api<{ coverage: { covered: number; files: number; organisations: number; met: boolean } }>(`/sources/${rules.source}/coverage`)).coverage;
}

test('they read, comment and sign; coverage rises', async () => {
  const [alice, bob] = reviewers as [Person, Person];
  const before = (await covered()).organisations; // the demonstration's own reviewers
  await alice.open(`/source/${rules.source}/zz_new.yar#L3`);
  await alice.page.getByRole('button', { name: 'Comment', exact: true }).click();
  await alice.page.getByLabel(/Comment on line 3/).fill('Who wrote this rule, and <b>why</b>?');
  await alice.page.getByRole('button', { name: 'Write' }).click();
  await alice.page.getByText('Who wrote this rule, and <b>why</b>?').first().waitFor();
  await alice.shot('comment');
  await readAll(alice);
  await alice.page.getByRole('button', { name: 'Look at it and sign' }).click();
  await alice.shot('sign-exactly-this');
  await sign(alice);
  await alice.shot('signed');
  await until('one organisation more has read it', async () => (await covered()).organisations === before + 1);
  await readAll(bob);
  await bob.page.getByText('Who wrote this rule').count();
  await bob.page.getByRole('button', { name: 'Look at it and sign' }).click();
  await sign(bob);
  await until('two organisations more have read it', async () => {
    const c = await covered();
    return c.organisations === before + 2 && c.covered === c.files;
  });
  expect((await covered()).met).toBe(false); // read, but nobody has signed the whole off
  noFaults(alice, bob);
});

test('both sign the whole snapshot off, and then the customer updates', async () => {
  for (const person of reviewers) {
    await person.open(`/coverage/${rules.source}`);
    await person.page.getByRole('button', { name: /sign off/i }).first().click();
    await sign(person);
  }
  await until('the demand is met', async () => (await covered()).met);
  const [alice] = reviewers as [Person, Person];
  await alice.open(`/coverage/${rules.source}`);
  await alice.shot('coverage', true);
  vitrine('release', 'passports', '--site', home('zurich'), '--artifact', rules.artifact);
  const done = vitrine('update', 'databases', '--from', site.replace('localhost', '127.0.0.1'), '--root', home('customer', 'root.json'), '--policy', home('customer', 'policy'), '--into', home('customer', 'reviewed'));
  expect(JSON.stringify(done)).toContain('1.0.1');
  await visitor.open(`/release/${rules.artifact}`);
  await visitor.page.locator('.verdict.ok').waitFor({ timeout: 20_000 });
  await visitor.shot('release-reviewed', true);
  noFaults(visitor, ...reviewers);
});

test('the record of openings has their visits, and is checked here', async () => {
  vitrine('centre', 'visits', home('zurich'), '--publish', '--so-far');
  const [alice] = reviewers as [Person, Person];
  await until('the visits are in the log', async () => (await api<{ items: unknown[] }>('/visits/days')).items.length > 0);
  await alice.open('/me');
  await alice.page.getByText(/published/i).first().waitFor();
  await alice.shot('visits', true);
  noFaults(alice);
  expect(demo).not.toBe('');
});

test('a question, its approvals and what came out', async () => {
  await visitor.open('/requests');
  await visitor.shot('requests');
  await visitor.page.getByRole('link', { name: /incident response/i }).first().click();
  await visitor.settle();
  await visitor.page.getByText('dora.example').first().waitFor();
  await visitor.shot('request', true);
  noFaults(visitor);
});

test('where data is kept, on the map, and the region that moved', async () => {
  await visitor.open('/data');
  await visitor.page.getByRole('table').getByText('zurich.example').first().waitFor();
  await visitor.shot('map');
  await visitor.shot('data', true);
  await visitor.open('/relocations');
  await visitor.page.getByText(/equal|same/i).first().waitFor();
  await visitor.shot('relocation', true);
  noFaults(visitor);
});

test('a customer checks its receipts: what was read of its records', async () => {
  const at = site.replace('localhost', '127.0.0.1');
  const receipts = home('receipts');
  vitrine('vault', 'accesses', '--customer', 'acme', '--secret', home('acme.secret'), '--from', at, '--vault', vaultOf('virginia'), '--policy', home('customer', 'policy'), '--save', receipts);
  const files = readdirSync(receipts).map((name) => join(receipts, name));
  expect(files.length).toBe(1);
  await visitor.open('/accesses');
  await visitor.page.getByText('Make it from your secret').click();
  await visitor.page.getByLabel('Customer’s name').fill('acme');
  await visitor.page.getByLabel('Secret’s file').setInputFiles(home('acme.secret'));
  await visitor.page.locator('input[type=file][multiple]').setInputFiles(files);
  await visitor.page.getByRole('button', { name: 'Check all runs' }).click();
  await visitor.page.getByText('Read 40 of your records').waitFor();
  await visitor.shot('accesses', true);
  noFaults(visitor);
});

test('log and health', async () => {
  await visitor.open('/log');
  await visitor.page.getByRole('table').first().waitFor();
  await visitor.shot('log', true);
  await visitor.open('/log/0');
  await visitor.shot('entry', true);
  await visitor.open('/health');
  await visitor.shot('health', true);
  noFaults(visitor);
});
