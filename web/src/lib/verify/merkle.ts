// SPDX-License-Identifier: Apache-2.0
// The tree: docs/formats/merkle.md, the same walk as src/merkle/tree.c. An inclusion proof shows that
// [i, i + 1) is part of a tree, a consistency proof that [0, m) is.
import { digest, equal, fail, utf8 } from './bytes';

export const PROOF_MAX = 64;
const SIZE_MAX = (1n << 63n) - 1n;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function emptyRoot(): Uint8Array {
  return digest(utf8(''));
}

export function leafHash(leaf: Uint8Array): Uint8Array {
  return digest(LEAF, leaf);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return digest(NODE, left, right);
}

/** The largest power of two below n; n > 1. */
function splitOf(n: bigint): bigint {
  return 1n << BigInt((n - 1n).toString(2).length - 1);
}

type Turn = 'left' | 'right' | 'split';

interface Walk {
  turns: Turn[];
  /** The walk ends at the subtree's own root. */
  whole: boolean;
}

function walkTo(start: bigint, end: bigint, n: bigint): Walk {
  const walk: Walk = { turns: [], whole: true };
  while (end - start !== n) {
    const k = splitOf(n);
    const turn: Turn = end <= k ? 'left' : start >= k ? 'right' : 'split';
    walk.turns.push(turn);
    if (turn === 'left') {
      n = k;
      continue;
    }
    walk.whole = walk.whole && turn === 'right';
    start = turn === 'right' ? start - k : 0n;
    end -= k;
    n -= k;
  }
  return walk;
}

/** The roots of subtree and tree as the proof has them; null when it has another length. */
function fold(walk: Walk, subRoot: Uint8Array, proof: Uint8Array[]): { sub: Uint8Array; root: Uint8Array } | null {
  const seeds = walk.whole ? 0 : 1;
  if (proof.length !== walk.turns.length + seeds || proof.length > PROOF_MAX) return null;
  let sub = walk.whole ? subRoot : (proof[0] as Uint8Array);
  let root = sub;
  walk.turns.toReversed().forEach((turn, i) => {
    const h = proof[seeds + i] as Uint8Array;
    if (turn === 'split') sub = nodeHash(h, sub);
    root = turn === 'left' ? nodeHash(root, h) : nodeHash(h, root);
  });
  return { sub, root };
}

/** Throws unless the leaf is the one of that index in the tree of that root. */
export function checkInclusion(index: bigint, size: bigint, leaf: Uint8Array, proof: Uint8Array[], root: Uint8Array): void {
  if (size > SIZE_MAX || index >= size) fail('proof', `entry ${index} cannot be in a tree of size ${size}`);
  const walk = walkTo(index, index + 1n, size);
  const got = fold(walk, leaf, proof);
  if (got === null) {
    fail('proof', `the inclusion proof of entry ${index} has ${proof.length} hashes; in a tree of size ${size} it has ${walk.turns.length}`);
  }
  if (!equal(got.root, root)) fail('proof', `the inclusion proof of entry ${index} does not lead to the root of the tree of size ${size}`);
}

/** Throws unless the newer tree begins with the older one. */
export function checkConsistency(oldSize: bigint, newSize: bigint, oldRoot: Uint8Array, newRoot: Uint8Array, proof: Uint8Array[]): void {
  if (newSize > SIZE_MAX || oldSize > newSize) fail('proof', `a tree of size ${newSize} cannot begin with one of size ${oldSize}`);
  if (oldSize === 0n) {
    if (newSize === 0n && !equal(oldRoot, newRoot)) fail('proof', 'two empty trees have different roots');
    if (proof.length !== 0) fail('proof', `the proof of the empty tree at 0 must have no hashes, not ${proof.length}`);
    if (!equal(oldRoot, emptyRoot())) fail('proof', "the root of no entries is not the empty tree's");
    return;
  }
  const walk = walkTo(0n, oldSize, newSize);
  const got = fold(walk, oldRoot, proof);
  if (got === null) {
    fail('proof', `the consistency proof from size ${oldSize} to size ${newSize} has ${proof.length} hashes, not ${walk.turns.length + (walk.whole ? 0 : 1)}`);
  }
  if (!equal(got.sub, oldRoot)) fail('proof', `the consistency proof does not lead to the root of the tree of size ${oldSize}`);
  if (!equal(got.root, newRoot)) {
    fail('proof', `the consistency proof does not lead to the root of the tree of size ${newSize}: the two trees are not one`);
  }
}

/** The root over leaves that are all at hand. */
export function rootOf(leafHashes: Uint8Array[]): Uint8Array {
  if (leafHashes.length === 0) return emptyRoot();
  if (leafHashes.length === 1) return leafHashes[0] as Uint8Array;
  const k = Number(splitOf(BigInt(leafHashes.length)));
  return nodeHash(rootOf(leafHashes.slice(0, k)), rootOf(leafHashes.slice(k)));
}

/** Gives the root of the complete subtree `index` of 2^level leaves. */
export type HashSource = (level: number, index: bigint) => Promise<Uint8Array>;

/** The root of the subtree [start, start + n), n > 0, from complete subtrees. */
async function rangeRoot(source: HashSource, start: bigint, n: bigint): Promise<Uint8Array> {
  let h: Uint8Array | null = null;
  let left = n;
  for (let level = 0; left !== 0n; level++) {
    if (((n >> BigInt(level)) & 1n) === 0n) continue;
    left &= ~(1n << BigInt(level));
    const part: Uint8Array = await source(level, (start + left) >> BigInt(level));
    h = h === null ? part : nodeHash(part, h);
  }
  return h as Uint8Array;
}

async function prove(source: HashSource, start: bigint, end: bigint, size: bigint): Promise<Uint8Array[]> {
  const walk = walkTo(start, end, size);
  const proof: Uint8Array[] = [];
  let base = 0n;
  let n = size;
  for (const turn of walk.turns) {
    const k = splitOf(n);
    if (turn === 'left') {
      proof.unshift(await rangeRoot(source, base + k, n - k));
      n = k;
    } else {
      proof.unshift(await rangeRoot(source, base, k));
      base += k;
      n -= k;
    }
  }
  if (!walk.whole) proof.unshift(await rangeRoot(source, base, n));
  return proof;
}

export async function proveInclusion(source: HashSource, index: bigint, size: bigint): Promise<Uint8Array[]> {
  if (size > SIZE_MAX || index >= size) fail('proof', `entry ${index} is not in a tree of size ${size}: wait until it is published`);
  return prove(source, index, index + 1n, size);
}

export async function proveConsistency(source: HashSource, oldSize: bigint, newSize: bigint): Promise<Uint8Array[]> {
  if (newSize > SIZE_MAX || oldSize > newSize) fail('proof', `no proof leads from size ${oldSize} to the smaller size ${newSize}`);
  return oldSize === 0n ? [] : prove(source, 0n, oldSize, newSize);
}

export async function treeRoot(source: HashSource, size: bigint): Promise<Uint8Array> {
  return size === 0n ? emptyRoot() : rangeRoot(source, 0n, size);
}
