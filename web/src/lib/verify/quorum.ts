// SPDX-License-Identifier: Apache-2.0
// Whether those who spoke are enough: src/note/quorum.c.
import { shown, type Node, type Policy } from './policy';

interface Tally {
  got: number[];
  met: boolean[];
}

/** `has[i]`: party i of the class has spoken. Members stand before their groups, so one pass is enough. */
function countUp(p: Policy, kind: Node['class'], has: boolean[]): Tally {
  const t: Tally = { got: p.nodes.map(() => 0), met: p.nodes.map(() => false) };
  p.nodes.forEach((n, i) => {
    if (n.class !== kind) return;
    t.met[i] = n.party === null ? (t.got[i] as number) >= n.k : has[n.party] === true;
    if (t.met[i] && n.parent !== null) t.got[n.parent] = (t.got[n.parent] as number) + 1;
  });
  return t;
}

export function quorumMet(p: Policy, node: number, has: boolean[]): boolean {
  return countUp(p, (p.nodes[node] as Node).class, has).met[node] === true;
}

/** Whether party node i is below `node` with nothing met on the way there. */
function isMissing(p: Policy, t: Tally, node: number, i: number): boolean {
  for (let at: number | null = i; at !== null; at = (p.nodes[at] as Node).parent) {
    if (t.met[at]) return false;
    if (at === node) return true;
  }
  return false;
}

export function listed(names: string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Why it is not met, in words; who is missing by name. */
export function quorumFailure(p: Policy, node: number, has: boolean[], what: string): string {
  const n = p.nodes[node] as Node;
  if (n.party !== null) return `the ${what} of \`${shown(n.name)}\` is missing`;
  const t = countUp(p, n.class, has);
  const missing = p.nodes.flatMap((m, i) => (m.party !== null && isMissing(p, t, node, i) ? [shown(m.name)] : []));
  return `${t.got[node]} of the ${n.k} ${what}s that \`${shown(n.name)}\` asks for: ${listed(missing)} ${missing.length === 1 ? 'is' : 'are'} missing`;
}

/** "developer", or "2 of north and south (any of alice, bob and carol)": whom a node stands for. */
export function nodeWords(p: Policy, node: number): string {
  const n = p.nodes[node] as Node;
  if (n.party !== null) return shown(n.name);
  const members = p.nodes.flatMap((m, i) => (m.parent === node ? [nodeWords(p, i)] : []));
  if (n.members === 1) return members[0] as string;
  const how = n.k === n.members ? (n.k === 2 ? 'both ' : 'all of ') : n.k === 1 ? 'any of ' : `${n.k} of `;
  return `${how}${listed(members.map((m) => (m.includes(' ') ? `(${m})` : m)))}`;
}
