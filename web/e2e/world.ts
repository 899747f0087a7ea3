// SPDX-License-Identifier: Apache-2.0
// The site that the page is tried on: a finished demonstration (scripts/demo), whose services run, and
// the `vitrine` program for what its operator, its reviewers' organisations and its customer do.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { site } from './browser';

const program = process.env['VITRINE'] ?? '';
export const demo = process.env['DEMO'] ?? '';

/** Runs vitrine with --json; throws when it says no. */
export function vitrine(...args: string[]): Record<string, unknown> {
  const said = execFileSync(program, [...args, '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return said.trim() === '' ? {} : (JSON.parse(said) as Record<string, unknown>);
}

/** Runs vitrine, which has to refuse; what it said. */
export function refused(...args: string[]): string {
  const done = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (done.status !== 1) throw new Error(`vitrine ${args.join(' ')}: exit ${done.status}, not 1: ${done.stderr}`);
  return done.stderr;
}

export async function api<T>(path: string): Promise<T> {
  // A connection that was kept from before the site took its new policy is gone: once more then.
  const ask = (): Promise<Response> => fetch(`${site}/api/v1${path}`);
  const answer = await ask().catch(ask);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

export interface Release {
  artifact: string;
  source: string;
  channel: string;
  product: string;
  version: string;
  file: string;
}

export async function release(product: string, version: string): Promise<Release> {
  const all = await api<{ items: Release[] }>('/releases?limit=100');
  const found = all.items.find((r) => r.product === product && r.version === version);
  if (found === undefined) throw new Error(`there is no release of ${product} ${version}`);
  return found;
}

export function home(party: string, ...rest: string[]): string {
  return join(demo, party, ...rest);
}

/** Where a party's vault answers. */
export function vaultOf(party: string): string {
  return readFileSync(home(party, 'vault', 'run', 'url'), 'utf8').trim();
}

export function passportFile(artifact: string): string {
  return home('zurich', 'public', 'passports', `${artifact.slice(7)}.passport`);
}

export function objectFile(artifact: string): string {
  const hex = artifact.slice(7);
  return home('zurich', 'public', 'objects', 'sha256', hex.slice(0, 2), hex);
}

/** Adds lines to somebody's policy, and seals it again. */
export function extendPolicy(party: string, lines: string[]): void {
  const path = home(party, 'policy');
  const kept = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('seal') && !lines.includes(line));
  writeFileSync(path, `${[...kept, ...lines].join('\n')}\n`);
  vitrine('policy', 'seal', path);
}

export function has(path: string): boolean {
  return existsSync(path);
}

/** Tries until it holds; the last failure is told. */
export async function until(what: string, holds: () => Promise<boolean>, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((go) => setTimeout(go, 200));
  }
}
