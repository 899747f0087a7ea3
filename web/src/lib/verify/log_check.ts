// SPDX-License-Identifier: Apache-2.0
// Following a log: its newest state, whether that continues what was seen before, and whether an
// entry is in it. Hashes come from tiles, which are not believed: they must lead to signed roots.
import { decimal, digest, digestText, equal, fail, hex, timeText, unhex, utf8, VerifyError } from './bytes';
import { parseEntry, verifyEntry } from './entry';
import { checkConsistency, checkInclusion, leafHash, proveConsistency, proveInclusion } from './merkle';
import { parseNote, sigIs, verifyNote } from './note';
import { checkLog, checkQuorum, signerOf, type CheckedCheckpoint } from './policy_check';
import { parsePolicy, shown, type Policy } from './policy';
import { nodeWords } from './quorum';
import { Steps, type CheckStep, type OnStep } from './steps';
import { tileSource, type TileFetch } from './tiles';

/** A state of the log that was checked before. */
export interface Seen {
  origin: string;
  size: string;
  /** Hex. */
  root: string;
}

export interface LogResult {
  ok: boolean;
  steps: CheckStep[];
  failure: string | null;
  now: Seen | null;
  vouched: string | null;
}

function parseSeen(s: Seen): { size: bigint; root: Uint8Array } {
  const size = decimal(s.size);
  const root = unhex(s.root, 32);
  if (size === null || root === null) fail('syntax', 'what was remembered of the log is damaged; forget it and begin anew');
  return { size, root };
}

/** The steps that end with a checkpoint which the policy accepts. */
function checkState(steps: Steps, policyFile: Uint8Array, note: Uint8Array): { policy: Policy; state: CheckedCheckpoint } | null {
  const policy = steps.run({ id: 'policy', title: 'The policy says whom to trust', how: 'It is read line by line.' }, (facts) => {
    const p = parsePolicy(policyFile);
    facts.push({ name: 'digest of the policy', value: digestText(p.digest) });
    return p;
  });
  const log = steps.run({ id: 'log', title: 'The log signed its state', how: 'The newest checkpoint has the signature of a log that the policy names.' }, (facts) => {
    const got = checkLog(policy as Policy, note);
    facts.push({ name: 'log', value: got.checkpoint.origin }, { name: 'size', value: got.checkpoint.size.toString() }, { name: 'root', value: hex(got.checkpoint.root) });
    return got;
  });
  const cosigned = steps.run({ id: 'witnesses', title: 'Independent witnesses saw the same log', how: 'Each cosignature is checked; those of as many witnesses as the policy demands must be there.' }, (facts) => {
    const p = policy as Policy;
    const got = checkQuorum(p, (log as NonNullable<typeof log>).note);
    p.witnesses.forEach((w, i) => {
      const t = got.times[i] ?? null;
      facts.push({ name: shown(w.name), value: t === null ? 'has not cosigned' : `cosigned at ${timeText(t)}` });
    });
    facts.push({ name: 'demanded', value: p.quorum.of === 'none' ? 'none' : nodeWords(p, p.quorum.node) });
    return got;
  });
  return policy === null || log === null || cosigned === null ? null : { policy, state: { ...log, ...cosigned } };
}

/** Runs a step that has to wait for something. */
async function runLater(steps: Steps, step: Pick<CheckStep, 'id' | 'title' | 'how'>, check: (facts: CheckStep['facts']) => Promise<void>): Promise<void> {
  const facts: CheckStep['facts'] = [];
  let error: unknown = null;
  if (steps.failure === null) await check(facts).catch((e: unknown) => (error = e ?? new Error('unknown')));
  steps.run(step, (kept) => {
    kept.push(...facts);
    if (error instanceof VerifyError) throw error;
    if (error !== null) fail('proof', `the site could not be asked: ${error instanceof Error ? error.message : String(error)}`);
  });
}

function seenNow(got: ReturnType<typeof checkState>): Seen | null {
  return got === null
    ? null
    : { origin: got.state.checkpoint.origin, size: got.state.checkpoint.size.toString(), root: hex(got.state.checkpoint.root) };
}

function vouchedNow(got: ReturnType<typeof checkState>): string | null {
  return got === null || got.state.vouched === 0n ? null : timeText(got.state.vouched);
}

/** Checks the newest checkpoint, and that its log begins with the one that was seen before. */
export async function checkLogState(policyFile: Uint8Array, note: Uint8Array, seen: Seen | null, fetch: TileFetch, onStep?: OnStep): Promise<LogResult> {
  const steps = new Steps(onStep);
  const got = checkState(steps, policyFile, note);
  if (seen !== null) {
    const step = { id: 'consistency', title: 'Nothing was taken out or changed since your last visit', how: 'A path of hashes leads from the log as this browser saw it last to the log as it is now.' };
    await runLater(steps, step, async (facts) => {
      const { checkpoint } = (got as NonNullable<typeof got>).state;
      const old = parseSeen(seen);
      facts.push({ name: 'then', value: `size ${old.size}, root ${seen.root}` }, { name: 'now', value: `size ${checkpoint.size}, root ${hex(checkpoint.root)}` });
      if (seen.origin !== checkpoint.origin) fail('unknown', `the last visit was to the log \`${seen.origin}\`, and this one is \`${checkpoint.origin}\``);
      if (old.size > checkpoint.size) {
        fail('proof', `the site shows a log of ${checkpoint.size} entries, but this browser has seen it with ${old.size}: it shows an old state, or has taken entries back`);
      }
      const proof = await proveConsistency(tileSource(fetch, checkpoint.size), old.size, checkpoint.size);
      facts.push({ name: 'proof', value: `${proof.length} hashes` });
      checkConsistency(old.size, checkpoint.size, old.root, checkpoint.root, proof);
    });
  }
  return { ok: steps.failure === null, steps: steps.list, failure: steps.failure, now: seenNow(got), vouched: vouchedNow(got) };
}

const INDEX_HEAD = 'vitrine/log-index/v1\n';

/** Whether an entry is a root of the log's index (docs/formats/log-index.md). */
function isIndexRoot(bytes: Uint8Array): boolean {
  return equal(bytes.subarray(0, INDEX_HEAD.length), utf8(INDEX_HEAD));
}

/** Such an entry has no signer of the policy: the log itself signs it. */
function checkIndexRoot(steps: Steps, bytes: Uint8Array, got: ReturnType<typeof checkState>): void {
  const note = steps.run({ id: 'form', title: 'The entry has the one form that it may have', how: "It is a root of the log's own index, for this log." }, (facts) => {
    const n = parseNote(bytes);
    const { origin } = (got as NonNullable<typeof got>).state.checkpoint;
    facts.push({ name: 'kind', value: 'log-index' });
    if (n.sigs.length !== 1 || !n.text.startsWith(`${INDEX_HEAD}${origin}\nsize `)) fail('syntax', 'it begins as an index root, and is none of this log');
    return n;
  });
  steps.run({ id: 'signature', title: 'It is signed by whom it names', how: "The signature is checked with the log's key in the policy." }, (facts) => {
    const { policy, state } = got as NonNullable<typeof got>;
    const signed = note as NonNullable<typeof note>;
    const log = policy.logs.find((l) => l.name === state.checkpoint.origin && signed.sigs.some((s) => sigIs(s, l.key)));
    if (log === undefined) fail('unknown', 'it is not signed by the log');
    facts.push({ name: 'signer', value: shown(log.name) });
    verifyNote(signed, log.key);
  });
}

/** Checks that these bytes are the entry of that index, who signed it, and that `statement` is what it names. */
export async function checkLogEntry(
  policyFile: Uint8Array,
  note: Uint8Array,
  index: bigint,
  bytes: Uint8Array,
  statement: Uint8Array | null,
  fetch: TileFetch,
  onStep?: OnStep,
): Promise<LogResult> {
  const steps = new Steps(onStep);
  const got = checkState(steps, policyFile, note);
  await runLater(steps, { id: 'inclusion', title: 'The entry is in the log', how: "From the entry's hash, hashes out of the log's tiles lead up to the root of the checkpoint." }, async (facts) => {
    const { size, root } = (got as NonNullable<typeof got>).state.checkpoint;
    const leaf = leafHash(bytes);
    facts.push({ name: 'leaf', value: hex(leaf) });
    const proof = await proveInclusion(tileSource(fetch, size), index, size);
    facts.push({ name: 'proof', value: `${proof.length} hashes` });
    checkInclusion(index, size, leaf, proof, root);
  });
  if (isIndexRoot(bytes)) {
    checkIndexRoot(steps, bytes, got);
    return { ok: steps.failure === null, steps: steps.list, failure: steps.failure, now: seenNow(got), vouched: vouchedNow(got) };
  }
  const parsed = steps.run({ id: 'form', title: 'The entry has the one form that it may have', how: 'Its kind, its subjects and their order are checked.' }, (facts) => {
    const e = parseEntry(bytes);
    facts.push({ name: 'kind', value: e.entry.kind });
    return e;
  });
  steps.run({ id: 'signature', title: 'It is signed by whom it names', how: "The signature is checked with the signer's key in the policy." }, (facts) => {
    const { entry, note: signed } = parsed as NonNullable<typeof parsed>;
    const signer = signerOf((got as NonNullable<typeof got>).policy, signed);
    facts.push({ name: 'key', value: signed.sigs[0]?.name ?? '' });
    if (signer === null) fail('unknown', `\`${signed.sigs[0]?.name}\` is not a signer that the policy names: what the entry says counts for nothing by this policy`);
    facts.push({ name: 'signer', value: shown(signer.party.name) });
    verifyEntry(entry, signed, signer.party.key);
  });
  if (statement !== null) {
    steps.run({ id: 'statement', title: 'What it says in full is the file that it names', how: "The statement's SHA-256 is the one in the entry." }, (facts) => {
      const named = (parsed as NonNullable<typeof parsed>).entry.statement;
      facts.push({ name: 'statement', value: digestText(named) });
      if (!equal(digest(statement), named)) fail('digest', `the site gave another statement than the one that the entry names: its digest is ${digestText(digest(statement))}`);
    });
  }
  return { ok: steps.failure === null, steps: steps.list, failure: steps.failure, now: seenNow(got), vouched: vouchedNow(got) };
}
