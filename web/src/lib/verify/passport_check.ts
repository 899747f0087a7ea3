// SPDX-License-Identifier: Apache-2.0
// The whole offline check of a passport, in the order of docs/formats/passport.md and of
// src/note/passport_check.c, as steps that people can follow.
import { compare, digestText, equal, fail, hex, timeText, VerifyError } from './bytes';
import type { Checkpoint } from './checkpoint';
import { all, has, one, verifyEntry, type Entry, type Kind, type Role } from './entry';
import { checkInclusion, leafHash } from './merkle';
import { parsePassport, type Passport, type PassportItem } from './passport';
import { checkLog, checkQuorum, checkSigners, signerOf, type Cosigned } from './policy_check';
import { parsePolicy, shown, type Party, type Policy } from './policy';
import { nodeWords } from './quorum';
import { SKIPPED, Steps, type CheckStep, type Fact, type OnStep } from './steps';

export interface Counted {
  index: string;
  kind: Kind;
  signer: string;
}

export interface PassportResult {
  ok: boolean;
  steps: CheckStep[];
  failure: string | null;
  /** `sha256:HEX` of the artifact that the passport is for, when it could be read. */
  artifact: string | null;
  log: { origin: string; size: string; root: string } | null;
  /** The time that the witnesses vouch for; null when none do. */
  vouched: string | null;
  /** The entries that counted. */
  counted: Counted[];
}

/** The kinds that a chain has, in the order in which they are required; reviews where the policy speaks of them. */
const CHAIN = ['assembly', 'source', 'environment', 'rebuild', 'review', 'release'] as const satisfies readonly Kind[];
type Link = (typeof CHAIN)[number];

const WORDS: Record<Link, { title: string; how: string }> = {
  assembly: {
    title: 'It was assembled from known inputs',
    how: 'An assembly entry says which source, environment and recipe gave this file. Its signers must be those whom the policy demands.',
  },
  source: { title: 'Its source is the one meant for release', how: 'The source snapshot that was assembled is named by whom the policy demands.' },
  environment: { title: 'Its tools are known', how: 'The environment, the exact set of packages it was assembled with, is named by whom the policy demands.' },
  rebuild: {
    title: 'Others built it again and got the same bytes',
    how: 'Rebuild entries name the same source, environment, recipe and files. Their signers must be those whom the policy demands.',
  },
  release: { title: 'It was released', how: 'A release entry names this file, signed by whom the policy demands.' },
  review: { title: 'Its source was read and signed off', how: 'Review entries name the source snapshot, signed by whom the policy demands; and none of the signers objects to it.' },
};

interface Vote {
  item: PassportItem;
  party: Party;
  /** The signer's place in the policy. */
  at: number;
}

function checkPolicySpeaks(p: Policy): void {
  for (const kind of CHAIN) if (kind !== 'review' && !p.require.has(kind)) checkSigners(p, kind, []);
}

function policyFacts(p: Policy, facts: Fact[]): void {
  facts.push({ name: 'digest of the policy', value: digestText(p.digest) });
  for (const log of p.logs) facts.push({ name: 'log', value: log.name });
  facts.push({ name: 'witnesses', value: p.quorum.of === 'none' ? 'none demanded' : nodeWords(p, p.quorum.node) });
  for (const [kind, demand] of p.require) facts.push({ name: kind, value: demand.of === 'none' ? 'none demanded' : nodeWords(p, demand.node) });
}

function checkArtifact(passport: Passport, artifact: Uint8Array, facts: Fact[]): void {
  facts.push({ name: 'the file', value: digestText(artifact) }, { name: 'the passport', value: digestText(passport.artifact) });
  if (!equal(passport.artifact, artifact)) {
    fail('digest', `the passport is for the artifact ${digestText(passport.artifact)}, and this one is ${digestText(artifact)}`);
  }
}

function witnessFacts(p: Policy, cosigned: Cosigned, facts: Fact[]): void {
  p.witnesses.forEach((w, i) => {
    const t = cosigned.times[i] ?? null;
    facts.push({ name: shown(w.name), value: t === null ? 'has not cosigned' : `cosigned at ${timeText(t)}` });
  });
  facts.push({ name: 'demanded', value: p.quorum.of === 'none' ? 'none' : nodeWords(p, p.quorum.node) });
}

function checkPaths(passport: Passport, c: Checkpoint, facts: Fact[]): void {
  for (const { index, bytes, path, entry } of passport.items) {
    const leaf = leafHash(bytes);
    facts.push({ name: `entry ${index}, ${entry.kind}`, value: `leaf ${hex(leaf)}, ${path.length} hashes to the root` });
    checkInclusion(index, c.size, leaf, path, c.root);
  }
}

/** The entries of known signers, each with a signature that verifies. */
function checkSignatures(p: Policy, passport: Passport, facts: Fact[]): Vote[] {
  const votes: Vote[] = [];
  for (const item of passport.items) {
    const signer = signerOf(p, item.note);
    const by = signer === null ? `${item.note.sigs[0]?.name}, whom the policy does not know: counts for nothing` : shown(signer.party.name);
    facts.push({ name: `entry ${item.index}, ${item.entry.kind}`, value: `by ${by}` });
    if (signer === null) continue;
    try {
      verifyEntry(item.entry, item.note, signer.party.key);
    } catch (e) {
      if (e instanceof VerifyError) fail(e.code, `entry ${item.index}: ${e.message}`);
      throw e;
    }
    votes.push({ item, ...signer });
  }
  return votes;
}

function checkMismatches(passport: Passport, votes: Vote[]): void {
  const bad = votes.find(({ item }) => item.entry.kind === 'mismatch' && has(item.entry, 'artifact', passport.artifact));
  if (bad === undefined) return;
  fail('refused', `rebuild: \`${shown(bad.party.name)}\` rebuilt this artifact and got other bytes (mismatch at entry ${bad.item.index}): do not use it`);
}

function sameOne(a: Entry, b: Entry, role: Role): boolean {
  const x = one(a, role);
  const y = one(b, role);
  return x !== null && y !== null && equal(x, y);
}

/** Subjects are sorted, so equal sets stand in equal order. */
function sameArtifacts(a: Entry, b: Entry): boolean {
  const x = all(a, 'artifact');
  const y = all(b, 'artifact');
  return x.length === y.length && x.every((d, i) => compare(d, y[i] as Uint8Array) === 0);
}

/** Whether an entry speaks for the claim that an assembly makes. */
function supports(e: Entry, claim: Entry, artifact: Uint8Array): boolean {
  switch (e.kind) {
    case 'source':
    case 'review':
    case 'objection':
      return sameOne(e, claim, 'source');
    case 'environment':
      return sameOne(e, claim, 'environment');
    case 'assembly':
    case 'rebuild':
      return sameOne(e, claim, 'source') && sameOne(e, claim, 'environment') && sameOne(e, claim, 'recipe') && sameArtifacts(e, claim);
    case 'release':
      return has(e, 'artifact', artifact);
    default:
      return false;
  }
}

interface Claim {
  entry: Entry;
  /** Those who speak for it, by kind. Objections speak of it too. */
  votes: Map<Kind, Vote[]>;
  /** How many links of the chain are met, and why the next is not. */
  met: number;
  failure: VerifyError | null;
}

function isWord(kind: Kind): boolean {
  return kind === 'review' || kind === 'objection';
}

/** Of reviews and objections of one source a signer's last word counts, by the log's order. */
function lastWords(votes: Vote[]): Vote[] {
  return votes.filter((v, i) => !isWord(v.item.entry.kind) || !votes.slice(i + 1).some((later) => later.at === v.at && isWord(later.item.entry.kind)));
}

function linksOf(p: Policy): Link[] {
  return CHAIN.filter((link) => link !== 'review' || p.require.has('review'));
}

function votesOf(claim: Claim, kind: Kind): Vote[] {
  return claim.votes.get(kind) ?? [];
}

function checkLink(p: Policy, claim: Claim, link: Link): void {
  const objection = link === 'review' && p.require.get('review')?.of === 'node' ? votesOf(claim, 'objection')[0] : undefined;
  if (objection !== undefined) {
    const name = shown(objection.party.name);
    fail(
      'refused',
      `review: \`${name}\` objects to releases from this source (objection at entry ${objection.item.index}), and the policy demands reviews: do not use it until \`${name}\` reviews it`,
    );
  }
  checkSigners(p, link, p.signers.map((_, at) => votesOf(claim, link).some((v) => v.at === at)));
}

function weigh(p: Policy, passport: Passport, votes: Vote[], entry: Entry): Claim {
  const claim: Claim = { entry, votes: new Map(), met: 0, failure: null };
  for (const v of lastWords(votes.filter(({ item }) => supports(item.entry, entry, passport.artifact)))) {
    claim.votes.set(v.item.entry.kind, [...votesOf(claim, v.item.entry.kind), v]);
  }
  for (const link of linksOf(p)) {
    try {
      checkLink(p, claim, link);
      claim.met++;
    } catch (e) {
      if (!(e instanceof VerifyError)) throw e;
      claim.failure = e;
      break;
    }
  }
  return claim;
}

/** The claim to tell of: one that is met, the newest first; else the one that came furthest; null without any. */
function bestClaim(p: Policy, passport: Passport, votes: Vote[]): Claim | null {
  let best: Claim | null = null;
  for (const v of votes.toReversed()) {
    if (v.item.entry.kind !== 'assembly' || !has(v.item.entry, 'artifact', passport.artifact)) continue;
    const claim = weigh(p, passport, votes, v.item.entry);
    if (claim.failure === null) return claim;
    if (best === null || claim.met > best.met) best = claim;
  }
  return best;
}

function linkFacts(p: Policy, claim: Claim, link: Link, facts: Fact[]): void {
  const demand = p.require.get(link);
  if (demand?.of === 'node') facts.push({ name: 'demanded', value: nodeWords(p, demand.node) });
  for (const v of votesOf(claim, link)) facts.push({ name: `entry ${v.item.index}`, value: `by ${shown(v.party.name)}` });
  if (link !== 'assembly') return;
  for (const role of ['source', 'environment', 'recipe'] as const) {
    const d = one(claim.entry, role);
    if (d !== null) facts.push({ name: role, value: digestText(d) });
  }
}

function runChain(steps: Steps, p: Policy | null, passport: Passport | null, votes: Vote[] | null): Counted[] {
  const claim = p !== null && passport !== null && votes !== null ? bestClaim(p, passport, votes) : null;
  const links: Link[] = p === null ? CHAIN.filter((link) => link !== 'review') : linksOf(p);
  for (const link of links) {
    steps.run({ id: link, ...WORDS[link] }, (facts) => {
      if (claim === null || p === null) fail('quorum', 'assembly: no signer of the policy has logged an assembly of this artifact');
      linkFacts(p, claim, link, facts);
      checkLink(p, claim, link);
      return p.require.get(link)?.of === 'none' ? SKIPPED : true;
    });
  }
  const counted = claim === null ? [] : links.flatMap((link) => votesOf(claim, link));
  return counted
    .map((v) => ({ index: v.item.index.toString(), kind: v.item.entry.kind, signer: shown(v.party.name) }))
    .toSorted((a, b) => (BigInt(a.index) < BigInt(b.index) ? -1 : 1));
}

/**
 * Checks a passport against a policy. `artifact`: SHA-256 of the file at hand; null when there is no
 * file, and the passport is taken at its word for which file it is about.
 */
export function checkPassport(passportFile: Uint8Array, policyFile: Uint8Array, artifact: Uint8Array | null, onStep?: OnStep): PassportResult {
  const steps = new Steps(onStep);

  const p = steps.run(
    { id: 'policy', title: 'The policy says whom to trust', how: 'It is read line by line, and must say something of each link of the chain.' },
    (facts) => {
      const policy = parsePolicy(policyFile);
      policyFacts(policy, facts);
      checkPolicySpeaks(policy);
      return policy;
    },
  );
  const passport = steps.run({ id: 'passport', title: 'The passport is whole', how: 'Each of its lines has the one form that it may have, and its checkpoint is the one that it was made with.' }, (facts) => {
    const got = parsePassport(passportFile);
    facts.push({ name: 'entries', value: String(got.items.length) }, { name: 'bytes', value: String(passportFile.length) });
    return got;
  });
  steps.run({ id: 'artifact', title: 'The passport is about this file', how: "The file's SHA-256 is the one that the passport names." }, (facts) =>
    checkArtifact(passport as Passport, artifact ?? (passport as Passport).artifact, facts),
  );
  const log = steps.run({ id: 'log', title: 'The log signed its state', how: "The checkpoint, a summary of the whole log, has the signature of a log that the policy names." }, (facts) => {
    const got = checkLog(p as Policy, (passport as Passport).checkpoint);
    facts.push({ name: 'log', value: got.checkpoint.origin }, { name: 'size', value: got.checkpoint.size.toString() }, { name: 'root', value: hex(got.checkpoint.root) });
    return got;
  });
  const cosigned = steps.run({ id: 'witnesses', title: 'Independent witnesses saw the same log', how: 'Each cosignature is checked; those of as many witnesses as the policy demands must be there.' }, (facts) => {
    const note = (log as NonNullable<typeof log>).note;
    const got = checkQuorum(p as Policy, note);
    witnessFacts(p as Policy, got, facts);
    return got;
  });
  steps.run({ id: 'paths', title: 'Every entry is in the log', how: "From each entry's hash, the hashes beside it lead up to the root of the checkpoint." }, (facts) =>
    checkPaths(passport as Passport, (log as NonNullable<typeof log>).checkpoint, facts),
  );
  const votes = steps.run({ id: 'signatures', title: 'Every entry is signed by whom it names', how: 'The signature of each entry by somebody whom the policy knows is checked with the key in the policy.' }, (facts) =>
    checkSignatures(p as Policy, passport as Passport, facts),
  );
  steps.run({ id: 'mismatch', title: 'Nobody built it again and got other bytes', how: 'There is no mismatch entry about this file by anybody whom the policy knows.' }, () =>
    checkMismatches(passport as Passport, votes as Vote[]),
  );
  const counted = runChain(steps, p, passport, votes);

  return {
    ok: steps.failure === null,
    steps: steps.list,
    failure: steps.failure,
    artifact: passport === null ? null : digestText(passport.artifact),
    log: log === null ? null : { origin: log.checkpoint.origin, size: log.checkpoint.size.toString(), root: hex(log.checkpoint.root) },
    vouched: cosigned === null || cosigned.vouched === 0n ? null : timeText(cosigned.vouched),
    counted,
  };
}
