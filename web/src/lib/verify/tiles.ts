// SPDX-License-Identifier: Apache-2.0
// Hashes of a log out of its tiles (C2SP tlog-tiles, docs/formats/merkle.md). What a tile says is not
// believed: the proofs made of it must lead to the roots of signed checkpoints.
import { fail } from './bytes';
import { nodeHash, type HashSource } from './merkle';

const WIDTH = 256n;
const HASH = 32;

/** 1234067 is `x001/x234/067`. */
export function tileNumber(n: bigint): string {
  const groups: string[] = [];
  do {
    groups.unshift((n % 1000n).toString().padStart(3, '0'));
    n /= 1000n;
  } while (n > 0n);
  return groups.map((g, i) => (i < groups.length - 1 ? `x${g}` : g)).join('/');
}

/** Fetches a file below the log's address; null when there is none. */
export type TileFetch = (path: string) => Promise<Uint8Array | null>;

interface Place {
  kind: string;
  number: bigint;
  /** 256, or what the last tile of its level has in this tree. */
  width: bigint;
}

function placeOf(kind: string, size: bigint, number: bigint): Place {
  const whole = size / WIDTH;
  return { kind, number, width: number < whole ? WIDTH : size % WIDTH };
}

async function fetchTile(fetch: TileFetch, { kind, number, width }: Place): Promise<Uint8Array> {
  const path = `tile/${kind}/${tileNumber(number)}`;
  const part = width === WIDTH ? null : await fetch(`${path}.p/${width}`);
  // A partial tile may be gone once the whole one is there.
  const bytes = part ?? (await fetch(path));
  if (bytes === null) fail('proof', `the site does not give the tile ${path}, so the log cannot be followed`);
  return bytes;
}

/** The hashes of a tree of that size, each tile fetched once. */
export function tileSource(fetch: TileFetch, size: bigint): HashSource {
  const tiles = new Map<string, Promise<Uint8Array>>();

  async function hashes(level: number, number: bigint): Promise<Uint8Array> {
    const key = `${level}/${number}`;
    let tile = tiles.get(key);
    if (tile === undefined) {
      tile = fetchTile(fetch, placeOf(String(level), size >> BigInt(8 * level), number));
      tiles.set(key, tile);
    }
    return tile;
  }

  return async (level, index) => {
    const span = 1n << BigInt(level % 8);
    const first = index * span;
    const tile = await hashes(Math.floor(level / 8), first / WIDTH);
    const at = Number(first % WIDTH) * HASH;
    if (tile.length < at + Number(span) * HASH || tile.length % HASH !== 0) fail('proof', 'a tile of the log is shorter than it must be');
    let row = Array.from({ length: Number(span) }, (_, i) => tile.subarray(at + i * HASH, at + (i + 1) * HASH));
    while (row.length > 1) row = Array.from({ length: row.length / 2 }, (_, i) => nodeHash(row[2 * i] as Uint8Array, row[2 * i + 1] as Uint8Array));
    return row[0] as Uint8Array;
  };
}

/** An entry's bytes out of its bundle. */
export async function fetchEntry(fetch: TileFetch, index: bigint, size: bigint): Promise<Uint8Array> {
  const bundle = await fetchTile(fetch, placeOf('entries', size, index / WIDTH));
  let at = 0;
  for (let i = 0n; ; i++) {
    if (bundle.length < at + 2) fail('proof', `the bundle of entry ${index} is cut short`);
    const length = ((bundle[at] as number) << 8) | (bundle[at + 1] as number);
    at += 2;
    if (bundle.length < at + length) fail('proof', `the bundle of entry ${index} is cut short`);
    if (i === index % WIDTH) return bundle.subarray(at, at + length);
    at += length;
  }
}
