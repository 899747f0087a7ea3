// SPDX-License-Identifier: Apache-2.0
// The kinds of entries in plain words, and where their subjects are shown.

const KINDS: Record<string, { name: string; says: string }> = {
  source: { name: 'Source', says: 'This source snapshot is the one meant for release.' },
  environment: { name: 'Environment', says: 'This exact set of packages is what assemblies run in.' },
  assembly: { name: 'Assembly', says: 'This recipe over this source in this environment gave these files, and no others.' },
  rebuild: { name: 'Rebuild', says: 'Somebody else did it again and got the same bytes, all of them.' },
  mismatch: { name: 'Mismatch', says: 'Somebody else did it again and got other bytes.' },
  release: { name: 'Release', says: 'These files are published for installation.' },
  'vault-policy': { name: 'Data policy', says: 'This is, from now on, the policy for users’ data: who keeps what where, and who must agree to what.' },
  'vault-key': { name: 'Region key', says: 'This is a region’s public key, and these hold shares of the private one.' },
  request: { name: 'Request', says: 'Somebody asks for users’ data: for what purpose, of what, for how long.' },
  approval: { name: 'Approval', says: 'An approver says yes, or no, to a request.' },
  grant: { name: 'Grant', says: 'The site says that the approvals of a request are enough.' },
  refusal: { name: 'Refusal', says: 'The keeper released nothing, and says why.' },
  run: { name: 'Run', says: 'This was read, by this job, and so much came out.' },
  inventory: { name: 'Inventory', says: 'This is what a site stores of a region.' },
  erasure: { name: 'Erasure', says: 'The keys of one person’s data were destroyed.' },
  retention: { name: 'Retention', says: 'The keys of days that are over were destroyed.' },
  relocation: { name: 'Relocation', says: 'A site begins to hand a region over to another.' },
  receipt: { name: 'Receipt', says: 'The other site has checked what it was handed, and has all of it.' },
  shred: { name: 'Shredding', says: 'The first site has destroyed its keys and its copies.' },
  reading: { name: 'Reading', says: 'A reviewer has read these files or lines of a source snapshot.' },
  review: { name: 'Review', says: 'A reviewer signs off a whole source snapshot.' },
  objection: { name: 'Objection', says: 'A reviewer objects to a release from this source snapshot.' },
  'log-index': { name: 'Index root', says: 'The log signs the root of its index, by which a search can be shown to be complete.' },
  visits: { name: 'Openings', says: 'How often source was opened at this Centre on one day, bound to the full record.' },
};

export const KIND_NAMES: readonly string[] = Object.keys(KINDS);

export function kindName(kind: string): string {
  return KINDS[kind]?.name ?? kind;
}

export function kindSays(kind: string): string {
  return KINDS[kind]?.says ?? '';
}

const ROLES: Record<string, string> = {
  artifact: 'File',
  environment: 'Environment',
  metadata: 'Release metadata',
  recipe: 'Recipe',
  source: 'Source',
  rebuilt: 'What the rebuild gave',
  policy: 'Data policy',
  key: 'Key',
  request: 'Request',
  grant: 'Grant',
  relocation: 'Relocation',
  receipt: 'Receipt',
  inventory: 'Inventory root',
  visits: 'Root of the record',
};

export function roleName(role: string): string {
  return ROLES[role] ?? role;
}

/** The page that shows a subject best. */
export function subjectPage(role: string, digest: string, kind: string): string {
  const d = encodeURIComponent(digest);
  if (role === 'artifact' && kind !== 'run') return `/release/${d}`;
  if (role === 'source') return `/source/${d}`;
  if (role === 'request') return `/request/${d}`;
  return `/log?subject=${d}`;
}

/** Where objects of the site are: docs/formats/site-http.md. */
export function objectPath(digest: string | null): string | null {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest ?? '')?.[1];
  return hex === undefined ? null : `/objects/sha256/${hex.slice(0, 2)}/${hex}`;
}
