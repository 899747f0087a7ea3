// SPDX-License-Identifier: Apache-2.0
// The tree against its definition written out naively, tiles, receipts, and a log that is followed.
import { ed25519 } from '@noble/curves/ed25519';
import { describe, expect, test } from 'vitest';
import { b64, be64, compare, concat, digest, hex, utf8, VerifyError } from './bytes';
import { checkLogEntry, checkLogState } from './log_check';
import { checkConsistency, checkInclusion, leafHash, nodeHash, proveConsistency, proveInclusion, rootOf, treeRoot, type HashSource } from './merkle';
import { parsePolicy } from './policy';
import { checkTlogProof } from './proof';
import { checkReceipt, customerName, customersRoot } from './receipt';
import { tileNumber, tileSource } from './tiles';
import { keyBytes, keyId } from './vkey';

const leaves = Array.from({ length: 600 }, (_, i) => leafHash(utf8(`leaf ${i}`)));
const naive: HashSource = async (level, index) => (level === 0 ? (leaves[Number(index)] as Uint8Array) : nodeHash(await naive(level - 1, 2n * index), await naive(level - 1, 2n * index + 1n)));
const root = (n: number): Uint8Array => rootOf(leaves.slice(0, n));

/** Proofs that are not quite that one. */
function spoiled(proof: Uint8Array[]): Uint8Array[][] {
  const flipped = proof.map((h, i) => proof.map((g, j) => (i === j ? Uint8Array.from(h, (b, k) => (k === 7 ? b ^ 1 : b)) : g)));
  return [...flipped, proof.slice(1), [...proof, leaves[0] as Uint8Array]].filter((p) => p.length !== proof.length || proof.length > 0);
}

describe('proofs', () => {
  test('of inclusion, all of them', async () => {
    for (let n = 1; n <= 40; n++) {
      for (let i = 0; i < n; i++) {
        const proof = await proveInclusion(naive, BigInt(i), BigInt(n));
        const leaf = leaves[i] as Uint8Array;
        checkInclusion(BigInt(i), BigInt(n), leaf, proof, root(n));
        for (const bad of spoiled(proof)) expect(() => checkInclusion(BigInt(i), BigInt(n), leaf, bad, root(n))).toThrow(VerifyError);
        if (n > 1) expect(() => checkInclusion(BigInt((i + 1) % n), BigInt(n), leaf, proof, root(n))).toThrow(VerifyError);
      }
      expect(() => checkInclusion(BigInt(n), BigInt(n), leaves[0] as Uint8Array, [], root(n))).toThrow(VerifyError);
    }
  });

  test('of consistency, all of them', async () => {
    for (let n = 1; n <= 40; n++) {
      for (let m = 0; m <= n; m++) {
        const proof = await proveConsistency(naive, BigInt(m), BigInt(n));
        checkConsistency(BigInt(m), BigInt(n), root(m), root(n), proof);
        for (const bad of spoiled(proof)) expect(() => checkConsistency(BigInt(m), BigInt(n), root(m), root(n), bad)).toThrow(VerifyError);
        if (m > 0 && m < n) expect(() => checkConsistency(BigInt(m), BigInt(n), root(m - 1), root(n), proof)).toThrow(VerifyError);
      }
      expect(() => checkConsistency(BigInt(n + 1), BigInt(n), root(n + 1), root(n), [])).toThrow(VerifyError);
    }
  });

  test('of sizes near 2^63 do not go on for ever', () => {
    const big = (1n << 63n) - 1n;
    expect(() => checkInclusion(big - 1n, big, leaves[0] as Uint8Array, [], root(1))).toThrow(VerifyError);
    expect(() => checkInclusion(0n, big + 1n, leaves[0] as Uint8Array, [], root(1))).toThrow(VerifyError);
  });
});

/** Tiles of the first n leaves, as a site has them. */
function tileFiles(all: Uint8Array[], n: number): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let row = all.slice(0, n);
  for (let level = 0; row.length > 0; level++) {
    for (let i = 0; i < row.length; i += 256) {
      const part = row.slice(i, i + 256);
      files.set(`tile/${level}/${tileNumber(BigInt(i / 256))}${part.length < 256 ? `.p/${part.length}` : ''}`, concat(...part));
    }
    row = Array.from({ length: Math.floor(row.length / 256) }, (_, i) => rootOf(row.slice(i * 256, (i + 1) * 256)));
  }
  return files;
}

describe('tiles', () => {
  test('are numbered as C2SP has it', () => {
    expect(tileNumber(0n)).toBe('000');
    expect(tileNumber(1234067n)).toBe('x001/x234/067');
  });

  test('give the roots and proofs of the tree', async () => {
    for (const n of [1, 255, 256, 257, 513, 600]) {
      const files = tileFiles(leaves, n);
      const source = tileSource(async (path) => files.get(path) ?? null, BigInt(n));
      expect(hex(await treeRoot(source, BigInt(n)))).toBe(hex(root(n)));
      for (const m of [1, 2, 255, 256, 300].filter((x) => x <= n)) {
        checkConsistency(BigInt(m), BigInt(n), root(m), root(n), await proveConsistency(source, BigInt(m), BigInt(n)));
        checkInclusion(BigInt(m - 1), BigInt(n), leaves[m - 1] as Uint8Array, await proveInclusion(source, BigInt(m - 1), BigInt(n)), root(n));
      }
    }
  });

  test('that are short, missing or grown are dealt with', async () => {
    const files = tileFiles(leaves, 300);
    const grown = tileFiles(leaves, 600);
    const source = tileSource(async (path) => grown.get(path) ?? null, 300n);
    await expect(treeRoot(source, 300n)).rejects.toThrow('does not give the tile');
    const short = tileSource(async (path) => files.get(path)?.slice(0, 31) ?? null, 300n);
    await expect(treeRoot(short, 300n)).rejects.toThrow('shorter');
    // The last tile was completed meanwhile, and its partial form is gone.
    const whole = tileSource(async (path) => (path.startsWith('tile/0/001') ? tileFiles(leaves, 512) : files).get(path) ?? null, 300n);
    expect(hex(await treeRoot(whole, 300n))).toBe(hex(root(300)));
  });
});

const logKey = new Uint8Array(32).fill(1);
const signerKey = new Uint8Array(32).fill(4);

function keyOf(seed: Uint8Array): Uint8Array {
  return keyBytes({ type: 0x01, key: ed25519.getPublicKey(seed), rp: null });
}

function vkey(name: string, seed: Uint8Array): string {
  return `${name}+${hex(keyId(name, keyOf(seed)))}+${b64(keyOf(seed))}`;
}

function signed(text: string, name: string, seed: Uint8Array): Uint8Array {
  return utf8(`${text}\n\u2014 ${name} ${b64(concat(keyId(name, keyOf(seed)), ed25519.sign(utf8(text), seed)))}\n`);
}

const policy = utf8(`log ${vkey('log.example', logKey)}\nquorum none\nsigner dev ${vkey('dev.example', signerKey)}\n`);

describe('a log that is followed', () => {
  const statement = utf8('a statement\n');
  const entries = Array.from({ length: 9 }, (_, i) =>
    signed(`vitrine/entry/v1\nkind source\nsubject source sha256:${hex(digest(utf8(`source ${i}`)))}\nstatement sha256:${hex(digest(statement))}\n`, 'dev.example', signerKey),
  );
  const hashes = entries.map(leafHash);
  const checkpoint = (n: number, of = hashes) => signed(`log.example\n${n}\n${b64(rootOf(of.slice(0, n)))}\n`, 'log.example', logKey);
  const fetchOf = (n: number, of = hashes) => {
    const files = tileFiles(of, n);
    return async (path: string) => files.get(path) ?? null;
  };
  const seen = (n: number) => ({ origin: 'log.example', size: String(n), root: hex(rootOf(hashes.slice(0, n))) });

  test('goes on', async () => {
    const r = await checkLogState(policy, checkpoint(9), seen(5), fetchOf(9));
    expect(r.failure).toBeNull();
    expect(r.now).toEqual(seen(9));
    expect((await checkLogState(policy, checkpoint(9), null, fetchOf(9))).steps.map((s) => s.id)).toEqual(['policy', 'log', 'witnesses']);
  });

  test('that was changed, cut back, or is another is noticed', async () => {
    const changed = hashes.map((h, i) => (i === 2 ? leafHash(utf8('other')) : h));
    expect((await checkLogState(policy, checkpoint(9, changed), seen(5), fetchOf(9, changed))).failure).toContain('consistency proof');
    expect((await checkLogState(policy, checkpoint(5), seen(9), fetchOf(5))).failure).toContain('has taken entries back');
    expect((await checkLogState(policy, checkpoint(9), { ...seen(5), origin: 'other.example' }, fetchOf(9))).failure).toContain('`other.example`');
    expect((await checkLogState(policy, checkpoint(9), { ...seen(5), root: 'x' }, fetchOf(9))).failure).toContain('damaged');
    expect((await checkLogState(policy, checkpoint(9), seen(5), async () => null)).failure).toContain('does not give the tile');
    expect((await checkLogState(policy, checkpoint(9), seen(5), () => Promise.reject(new Error('offline')))).failure).toContain('offline');
  });

  test('has its entries', async () => {
    const entry = entries[3] as Uint8Array;
    expect((await checkLogEntry(policy, checkpoint(9), 3n, entry, statement, fetchOf(9))).failure).toBeNull();
    expect((await checkLogEntry(policy, checkpoint(9), 4n, entry, statement, fetchOf(9))).failure).toContain('does not lead to the root');
    expect((await checkLogEntry(policy, checkpoint(9), 3n, entry, utf8('another'), fetchOf(9))).failure).toContain('another statement');
    expect((await checkLogEntry(policy, checkpoint(3), 3n, entry, null, fetchOf(3))).failure).toContain('wait until it is published');
    const changed = entry.slice();
    changed[changed.length - 5] = (changed[changed.length - 5] as number) ^ 2;
    expect((await checkLogEntry(policy, checkpoint(9), 3n, changed, null, fetchOf(9))).ok).toBe(false);
  });

  test('has roots of its own index', async () => {
    const text = `vitrine/log-index/v1\nlog.example\nsize 256\n${b64(root(256))}\nrun 0 0 256 ${b64(root(4))}\n`;
    const check = async (entry: Uint8Array) => {
      const all = [...hashes, leafHash(entry)];
      return checkLogEntry(policy, checkpoint(10, all), 9n, entry, null, fetchOf(10, all));
    };
    const good = await check(signed(text, 'log.example', logKey));
    expect(good.failure).toBeNull();
    expect(good.steps.map((s) => s.id)).toEqual(['policy', 'log', 'witnesses', 'inclusion', 'form', 'signature']);
    expect((await check(signed(text, 'log.example', signerKey))).failure).toContain('not signed by the log');
    expect((await check(signed(text, 'dev.example', signerKey))).failure).toContain('not signed by the log');
    expect((await check(signed(text.replace('log.example', 'other.example'), 'log.example', logKey))).failure).toContain('none of this log');
    expect((await check(signed(text.replace('size 256', 'size 512'), 'log.example', logKey))).failure).toBeNull();
    const other = signed(text, 'log.example', logKey);
    other[60] = (other[60] as number) ^ 1;
    expect((await check(other)).ok).toBe(false);
  });

  test('proves an entry in a tlog-proof', async () => {
    const path = await proveInclusion(async (level, i) => (level === 0 ? (hashes[Number(i)] as Uint8Array) : rootOf(hashes.slice(Number(i) << level, (Number(i) + 1) << level))), 3n, 9n);
    const rest = `index 3\n${path.map((h) => `${b64(h)}\n`).join('')}\n${new TextDecoder().decode(checkpoint(9))}`;
    const p = parsePolicy(policy);
    const entry = entries[3] as Uint8Array;
    expect(checkTlogProof(p, utf8(`c2sp.org/tlog-proof@v1\n${rest}`), entry).index).toBe(3n);
    const sealed = utf8(`c2sp.org/tlog-proof@v1\nextra ${b64(digest(utf8(rest)))}\n${rest}`);
    expect(checkTlogProof(p, sealed, entry).index).toBe(3n);
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i] = (changed[i] as number) ^ 1;
      expect(() => checkTlogProof(p, changed, entry), `byte ${i}`).toThrow(VerifyError);
    }
  });
});

describe('access receipts', () => {
  const salt = new Uint8Array(16).fill(7);
  const tags = Array.from({ length: 5 }, (_, i) => new Uint8Array(16).fill(i + 1));
  const rows = tags.map((t) => ({ name: customerName(salt, t), records: 10n })).toSorted((a, b) => compare(a.name, b.name));
  const hashes = rows.map((r) => leafHash(concat(r.name, be64(r.records))));
  const tree = rootOf(hashes);
  const bound = customersRoot(salt, 5n, tree);

  async function receipt(...indexes: number[]): Promise<Uint8Array> {
    const parts = await Promise.all(
      indexes.map(async (i) => {
        const path = await proveInclusion(async (level, j) => (level === 0 ? (hashes[Number(j)] as Uint8Array) : rootOf(hashes.slice(Number(j) << level, (Number(j) + 1) << level))), BigInt(i), 5n);
        const row = rows[i] as (typeof rows)[number];
        return concat(be64(BigInt(i)), row.name, be64(row.records), Uint8Array.of(path.length), ...path);
      }),
    );
    return concat(utf8('VTA1'), salt, be64(5n), tree, Uint8Array.of(indexes.length), ...parts);
  }

  test('show what was read, or that nothing was', async () => {
    for (const tag of tags) {
      const at = rows.findIndex((r) => compare(r.name, customerName(salt, tag)) === 0);
      expect(checkReceipt(await receipt(at), tag, 5n, bound)).toBe(10n);
    }
    for (let i = 100; i < 140; i++) {
      const tag = new Uint8Array(16).fill(i);
      const at = rows.findIndex((r) => compare(customerName(salt, tag), r.name) < 0);
      const around = at < 0 ? [4] : at === 0 ? [0] : [at - 1, at];
      expect(checkReceipt(await receipt(...around), tag, 5n, bound)).toBe(0n);
      if (at >= 0) await expect(receipt(at < 3 ? 4 : 0).then((r) => checkReceipt(r, tag, 5n, bound))).rejects.toThrow(VerifyError);
    }
    expect(checkReceipt(concat(utf8('VTA1'), salt, be64(0n), tree, Uint8Array.of(0)), tags[0] as Uint8Array, 0n, null)).toBe(0n);
  });

  test('every byte changed is noticed', async () => {
    const tag = tags[0] as Uint8Array;
    const at = rows.findIndex((r) => compare(r.name, customerName(salt, tag)) === 0);
    const whole = await receipt(at);
    for (let i = 0; i < whole.length; i++) {
      const changed = whole.slice();
      changed[i] = (changed[i] as number) ^ 1;
      expect(() => checkReceipt(changed, tag, 5n, bound), `byte ${i}`).toThrow(VerifyError);
      expect(() => checkReceipt(whole.slice(0, i), tag, 5n, bound)).toThrow(VerifyError);
    }
    expect(() => checkReceipt(whole, tags[1] as Uint8Array, 5n, bound)).toThrow('another customer');
    expect(() => checkReceipt(whole, tag, 4n, bound)).toThrow('another run');
  });
});
