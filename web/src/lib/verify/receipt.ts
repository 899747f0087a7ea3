// SPDX-License-Identifier: Apache-2.0
// Access receipts: docs/formats/access-receipt.md, as src/ledger/access_receipt.c checks them.
import { be64, compare, concat, digest, equal, fail, latin1, NUMBER_MAX, Reader, utf8, within } from './bytes';
import { checkInclusion, leafHash, PROOF_MAX } from './merkle';

const MAGIC = 'VTA1';
const LEAVES_MAX = 2;

interface ReceiptLeaf {
  index: bigint;
  name: Uint8Array;
  records: bigint;
  path: Uint8Array[];
}

export interface AccessReceipt {
  salt: Uint8Array;
  size: bigint;
  tree: Uint8Array;
  leaves: ReceiptLeaf[];
}

function takeLeaf(r: Reader): ReceiptLeaf | null {
  const index = r.number(8);
  const name = r.take(32);
  const records = r.number(8);
  const n = r.number(1);
  if (index === null || name === null || records === null || n === null) return null;
  if (records < 1n || records > NUMBER_MAX || n > BigInt(PROOF_MAX)) return null;
  const path: Uint8Array[] = [];
  for (let i = 0n; i < n; i++) {
    const hash = r.take(32);
    if (hash === null) return null;
    path.push(hash);
  }
  return { index, name, records, path };
}

export function parseReceipt(data: Uint8Array): AccessReceipt {
  const r = new Reader(data);
  const magic = r.take(4);
  const salt = r.take(16);
  const size = r.number(8);
  const tree = r.take(32);
  const count = r.number(1);
  if (magic === null || latin1(magic) !== MAGIC || salt === null || size === null || tree === null || count === null || count > BigInt(LEAVES_MAX)) {
    fail('syntax', 'this is no receipt of a run');
  }
  const leaves: ReceiptLeaf[] = [];
  for (let i = 0n; i < count; i++) {
    const leaf = takeLeaf(r);
    if (leaf === null) fail('syntax', 'the receipt is cut short');
    leaves.push(leaf);
  }
  if (r.left > 0) fail('syntax', `${r.left} bytes follow the receipt`);
  return { salt, size, tree, leaves };
}

export function customerName(salt: Uint8Array, tag: Uint8Array): Uint8Array {
  return digest(utf8('vitrine/access/v1\0'), salt, tag);
}

/** What a run's document must have as `customers-root`. */
export function customersRoot(salt: Uint8Array, size: bigint, tree: Uint8Array): Uint8Array {
  return digest(utf8('vitrine/access-root/v1\0'), salt, be64(size), tree);
}

function checkProofs(c: AccessReceipt, customers: bigint, root: Uint8Array): void {
  if (c.size !== customers || !equal(customersRoot(c.salt, c.size, c.tree), root)) {
    fail('proof', 'the receipt is of another run than the document that is named');
  }
  for (const { index, name, records, path } of c.leaves) {
    within('the receipt', () => checkInclusion(index, c.size, leafHash(concat(name, be64(records))), path, c.tree));
  }
}

/** Whether the name would have to stand between the leaves, or before or after all of them. */
function showsAbsence(c: AccessReceipt, name: Uint8Array): boolean {
  const [first, second] = c.leaves;
  if (first === undefined) return false;
  if (second !== undefined) return second.index === first.index + 1n && compare(first.name, name) < 0 && compare(name, second.name) < 0;
  if (first.index === 0n && compare(name, first.name) < 0) return true;
  return first.index === c.size - 1n && compare(first.name, name) < 0;
}

/**
 * How many records of the customer with this tag (16 bytes) the run opened; 0 when it is shown that it
 * opened none. `customers` and `root` are the run document's; `root` null when it has none.
 */
export function checkReceipt(data: Uint8Array, tag: Uint8Array, customers: bigint, root: Uint8Array | null): bigint {
  if (tag.length !== 16) fail('syntax', "a customer's tag has 16 bytes");
  const c = parseReceipt(data);
  if (customers === 0n) {
    if (c.size !== 0n || c.leaves.length > 0) fail('proof', 'the run touched no customers; the receipt is of another run');
    return 0n;
  }
  if (root === null) fail('syntax', 'the run names customers but no root over them');
  checkProofs(c, customers, root);
  const name = customerName(c.salt, tag);
  const [first, second] = c.leaves;
  if (first !== undefined && second === undefined && equal(first.name, name)) return first.records;
  if (!showsAbsence(c, name)) fail('proof', "the receipt says nothing of this customer: is it another customer's?");
  return 0n;
}
