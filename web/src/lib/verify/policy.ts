// SPDX-License-Identifier: Apache-2.0
// Policies: docs/formats/policy.md. Parsing, as src/note/policy.c does it; asking is in quorum.ts and
// policy_check.ts. The file is bytes: each is a character here, and names are shown by `shown`.
import { decimal, digest, digestOf, equal, fail, fromLatin1, latin1, VerifyError } from './bytes';
import { isKind, kindSignable, type Kind } from './entry';
import { parseVkey, type KeyType, type Vkey } from './vkey';

export const POLICY_MAX = 256 * 1024;
const LOGS_MAX = 32;
const PARTIES_MAX = 64;
const GROUPS_MAX = 64;
const NAME_MAX = 256;
const URL_MAX = 1024;

export interface Party {
  name: string;
  key: Vkey;
  url: string | null;
}

/** A name of the policy: a witness, a signer, or a group of either. */
export interface Node {
  name: string;
  class: 'witness' | 'signer';
  /** Of a witness or signer: its place in the policy's list. */
  party: number | null;
  parent: number | null;
  /** Of a group: how many of its members it takes. */
  k: number;
  members: number;
}

export type Demand = { of: 'none' } | { of: 'node'; node: number };

export interface Policy {
  logs: Party[];
  witnesses: Party[];
  signers: Party[];
  nodes: Node[];
  quorum: Demand;
  require: Map<Kind, Demand>;
  /** SHA-256 of the file. */
  digest: Uint8Array;
  sealed: boolean;
}

/** A name as people read it. */
export function shown(name: string): string {
  return new TextDecoder().decode(fromLatin1(name));
}

function typeName(type: KeyType): string {
  return type.toString(16).padStart(2, '0');
}

function bad(message: string): never {
  fail('policy', message);
}

/** The lines that a seal covers: all, or all before the seal's own. */
function checkSeal(all: string): { covered: string; sealed: boolean } {
  const again = 'if the change was meant, run `vitrine policy seal FILE`';
  const lines = all.split('\n').slice(0, -1);
  const last = lines.at(-1) ?? '';
  const sealed = lines.some((l) => l.replace(/^[ \t]+|[ \t]+$/g, '') === 'sealed');
  const seal = last.startsWith('seal ');
  if (!sealed && !seal) return { covered: all, sealed: false };
  if (!sealed || !seal) bad(`the policy was changed after it was sealed: the line \`${sealed ? 'seal sha256:...' : 'sealed'}\` is gone; ${again}`);
  const said = digestOf(last.slice(5));
  if (said === null) bad(`the seal in the policy's last line is not \`seal sha256:\` and 64 hex digits; ${again}`);
  const covered = all.slice(0, all.length - last.length - 1);
  if (!equal(said, digest(fromLatin1(covered)))) bad(`the policy was changed after it was sealed: its digest is not the seal's; ${again}`);
  return { covered, sealed: true };
}

function checkCharacters(all: string): void {
  const at = all.search(/[\u0000-\u0008\u000b-\u001f\u007f]/);
  if (at >= 0) {
    const cr = all[at] === '\r' ? ': lines must end as on Unix' : '';
    bad(`policy line ${all.slice(0, at).split('\n').length}: there is a control character${cr}`);
  }
  if (all !== '' && !all.endsWith('\n')) bad(`policy line ${all.split('\n').length} does not end in a newline: is the file cut short?`);
}

class Parser {
  readonly p: Policy;
  private quorumGiven = false;

  constructor(digestOfFile: Uint8Array, sealed: boolean) {
    this.p = { logs: [], witnesses: [], signers: [], nodes: [], quorum: { of: 'none' }, require: new Map(), digest: digestOfFile, sealed };
  }

  find(name: string): number {
    return this.p.nodes.findIndex((n) => n.name === name);
  }

  newName(name: string | undefined, what: string): string {
    if (name === undefined) bad(`the name of the ${what} is missing`);
    if (name.length > NAME_MAX) bad(`the name of the ${what} has more than ${NAME_MAX} bytes`);
    if (name === 'none') bad(`the name \`none\` is reserved: give the ${what} another`);
    if (this.find(name) >= 0) bad(`the name \`${shown(name)}\` is defined already`);
    return name;
  }

  known(name: string, kind: Node['class']): number {
    const at = this.find(name);
    const node = this.p.nodes[at];
    if (node === undefined) bad(`\`${shown(name)}\` is not defined on a line above`);
    if (node.class !== kind) {
      const [is, want] = kind === 'signer' ? ['witnesses', 'signers'] : ['signers', 'witnesses'];
      bad(`\`${shown(name)}\` stands for ${is}; here belong ${want}`);
    }
    return at;
  }

  key(word: string | undefined, types: KeyType[], what: string): Vkey {
    if (word === undefined) bad(`the key of the ${what} is missing`);
    let k: Vkey;
    try {
      k = parseVkey(word);
    } catch (e) {
      bad(e instanceof VerifyError ? e.message : String(e));
    }
    if (!types.includes(k.type)) {
      const advice = k.type === 0xff ? 'a passkey signs reviews' : k.type === 0x04 ? "a cosigner's key signs no notes or entries" : "give the cosigner's key";
      bad(`the key of a ${what} must be of type ${typeName(types[0] as KeyType)}, not ${typeName(k.type)}: ${advice}`);
    }
    return k;
  }

  url(words: string[]): string | null {
    const [url, ...more] = words;
    if (url !== undefined && url.length > URL_MAX) bad(`the URL has more than ${URL_MAX} bytes`);
    if (more.length > 0) bad('there is something after the URL');
    return url ?? null;
  }

  log(words: string[]): void {
    const key = this.key(words[0], [0x01], 'log');
    const url = this.url(words.slice(1));
    if (this.p.logs.some((l) => equal(l.key.key, key.key))) bad('a log with this public key is named above');
    if (this.p.logs.length === LOGS_MAX) bad(`there are more than ${LOGS_MAX} logs`);
    this.p.logs.push({ name: key.name, key, url });
  }

  party(kind: Node['class'], list: Party[], words: string[]): void {
    const name = this.newName(words[0], kind);
    const key = this.key(words[1], kind === 'witness' ? [0x04] : [0x01, 0xff], kind);
    const url = this.url(words.slice(2));
    const same = list.find((q) => equal(q.key.key, key.key));
    if (same !== undefined) bad(`\`${shown(name)}\` has the same public key as \`${shown(same.name)}\``);
    if (this.p.witnesses.length + this.p.signers.length === PARTIES_MAX) bad(`there are more than ${PARTIES_MAX} witnesses and signers`);
    this.p.nodes.push({ name, class: kind, party: list.length, parent: null, k: 0, members: 0 });
    list.push({ name, key, url });
  }

  group(words: string[]): void {
    const name = this.newName(words[0], 'group');
    const threshold = words[1];
    const members = words.slice(2);
    if (threshold === undefined) bad(`the group \`${shown(name)}\` has no threshold and members`);
    if (this.p.nodes.filter((n) => n.party === null).length === GROUPS_MAX) bad(`there are more than ${GROUPS_MAX} groups`);
    const first = this.p.nodes[this.find(members[0] ?? '')];
    const kind = first?.class ?? 'witness';
    for (const m of members) {
      const node = this.p.nodes[this.known(m, kind)] as Node;
      if (node.parent !== null) bad(`\`${shown(m)}\` is a member of a group already`);
      node.parent = this.p.nodes.length;
    }
    if (members.length === 0) bad(`the group \`${shown(name)}\` has no members`);
    const number = decimal(threshold, BigInt(members.length));
    const k = threshold === 'any' ? 1 : threshold === 'all' ? members.length : Number(number ?? 0n);
    if (k === 0) bad(`the threshold \`${shown(threshold)}\` of the group \`${shown(name)}\` is not \`all\`, \`any\` or 1 to ${members.length}`);
    this.p.nodes.push({ name, class: kind, party: null, parent: null, k, members: members.length });
  }

  use(what: string, words: string[], kind: Node['class']): Demand {
    const name = words[0];
    if (name === undefined || words.length > 1) bad(`${what} takes exactly one name, or \`none\``);
    return name === 'none' ? { of: 'none' } : { of: 'node', node: this.known(name, kind) };
  }

  quorum(words: string[]): void {
    if (this.quorumGiven) bad('there is a quorum line above; keep one');
    this.quorumGiven = true;
    this.p.quorum = this.use('quorum', words, 'witness');
  }

  require(words: string[]): void {
    const kind = words[0];
    if (kind === undefined) bad('require takes a kind of entry and a name');
    if (!isKind(kind)) bad(`\`${shown(kind)}\` is not a kind of entry`);
    if (this.p.require.has(kind)) bad(`there is a line \`require ${kind}\` above; keep one`);
    const demand = this.use('require', words.slice(1), 'signer');
    if (demand.of === 'node') this.checkPasskeys(kind, demand.node);
    this.p.require.set(kind, demand);
  }

  /** A passkey signs entries of few kinds: a line that waits for others would wait for ever. */
  checkPasskeys(kind: Kind, node: number): void {
    for (const n of this.p.nodes) {
      const signer = n.class === 'signer' && n.party !== null ? this.p.signers[n.party] : undefined;
      let up: Node | undefined = n;
      while (up !== undefined && up !== this.p.nodes[node]) up = up.parent === null ? undefined : this.p.nodes[up.parent];
      if (up !== undefined && signer !== undefined && !kindSignable(kind, signer.key.type)) {
        bad(`the key of \`${shown(n.name)}\` is a passkey, which signs readings, reviews and objections, and no entries of kind ${kind}`);
      }
    }
  }

  line(line: string): void {
    const [word, ...rest] = line.split(/[ \t]+/).filter((w) => w !== '');
    if (word === undefined || word.startsWith('#')) return;
    switch (word) {
      case 'log':
        return this.log(rest);
      case 'witness':
        return this.party('witness', this.p.witnesses, rest);
      case 'signer':
        return this.party('signer', this.p.signers, rest);
      case 'group':
        return this.group(rest);
      case 'quorum':
        return this.quorum(rest);
      case 'require':
        return this.require(rest);
      case 'sealed':
        if (rest.length > 0) bad('there is something after `sealed`');
        return;
      case 'seal':
        bad('a seal must be the last line: run `vitrine policy seal FILE` to renew it');
      // falls through: bad does not return
      default:
        bad(`\`${shown(word)}\` is none of log, witness, group, quorum, signer and require`);
    }
  }

  end(): Policy {
    if (!this.quorumGiven) bad('the policy has no quorum line: name the witnesses it needs, or `quorum none`');
    return this.p;
  }
}

export function parsePolicy(data: Uint8Array): Policy {
  if (data.length > POLICY_MAX) bad(`the policy has more than ${POLICY_MAX} bytes`);
  const all = latin1(data);
  checkCharacters(all);
  const { covered, sealed } = checkSeal(all);
  const parser = new Parser(digest(data), sealed);
  covered.split('\n').forEach((line, i) => {
    try {
      parser.line(line);
    } catch (e) {
      if (e instanceof VerifyError) bad(`policy line ${i + 1}: ${e.message}`);
      throw e;
    }
  });
  return parser.end();
}
