// SPDX-License-Identifier: Apache-2.0
// The worked example of docs/formats/passport.md, and every byte of it changed in turn.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { digest, hex, utf8 } from './bytes';
import { parseEntry } from './entry';
import { leafHash } from './merkle';
import { parsePassport } from './passport';
import { checkPassport } from './passport_check';
import { parsePolicy } from './policy';

const page = readFileSync(fileURLToPath(new URL('../../../../docs/formats/passport.md', import.meta.url)), 'utf8');
const blocks = [...page.matchAll(/^```\n([^`]*)^```$/gm)].map((m) => m[1] as string);
const block = (start: string): string => {
  const found = blocks.find((b) => b.startsWith(start));
  if (found === undefined) throw new Error(`the page has no block that begins with ${start}`);
  return found;
};

export const policy = utf8(block('log zurich.example/log+'));
export const passport = utf8(block('vitrine/passport/v1'));
const artifact = digest(utf8('the artifact\n'));

describe('the worked example', () => {
  test('is verified, step by step', () => {
    const r = checkPassport(passport, policy, artifact);
    expect(r.failure).toBeNull();
    expect(r.ok).toBe(true);
    expect(r.steps.map((s) => `${s.id} ${s.state}`)).toEqual(
      ['policy', 'passport', 'artifact', 'log', 'witnesses', 'paths', 'signatures', 'mismatch', 'assembly', 'source', 'environment', 'rebuild', 'release'].map((s) => `${s} ok`),
    );
    expect(r.vouched).toBe('2026-01-01T00:00:00Z');
    expect(r.log).toEqual({ origin: 'zurich.example/log', size: '7', root: '3a5d4a853381841799575aeeb15231a53c5664ee7b511d30ee52651a759c084f' });
    expect(r.counted.map((c) => `${c.index} ${c.kind} ${c.signer}`)).toEqual([
      '0 source developer',
      '1 environment assembler',
      '2 assembly assembler',
      '4 rebuild alpha',
      '5 rebuild beta',
      '6 release release',
    ]);
  });

  test('has the leaf hashes of the page', () => {
    const hashes = [...page.matchAll(/^\| (\d) \| [^|]* \| `([0-9a-f]{64})` \|$/gm)].map((m) => [m[1], m[2]]);
    expect(hashes.length).toBe(7);
    for (const { index, bytes } of parsePassport(passport).items) expect(hashes).toContainEqual([String(index), hex(leafHash(bytes))]);
  });

  test('is of another file', () => {
    const r = checkPassport(passport, policy, digest(utf8('another file\n')));
    expect(r.failure).toContain(`the passport is for the artifact sha256:${hex(artifact)}`);
    expect(r.steps.find((s) => s.id === 'artifact')?.state).toBe('bad');
    expect(r.steps.find((s) => s.id === 'log')?.state).toBe('waiting');
  });

  test('every byte changed is noticed', { timeout: 600_000 }, async () => {
    for (let i = 0; i < passport.length; i++) {
      // The runner wants to hear from us now and then.
      if (i % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      const changed = passport.slice();
      changed[i] = (changed[i] as number) ^ (i % 2 === 0 ? 0x01 : 0x20);
      const r = checkPassport(changed, policy, artifact);
      if (r.ok) throw new Error(`byte ${i} changed was not noticed`);
      expect(r.failure).not.toMatch(/checker itself/);
    }
  });

  test('cut short anywhere is noticed', () => {
    for (let i = 0; i < passport.length; i += 7) expect(checkPassport(passport.slice(0, i), policy, artifact).ok).toBe(false);
    expect(checkPassport(new Uint8Array([...passport, 10]), policy, artifact).ok).toBe(false);
  });
});

/** The example's policy with some lines changed. */
function withPolicy(change: (text: string) => string): ReturnType<typeof checkPassport> {
  const text = new TextDecoder().decode(policy);
  const changed = change(text);
  expect(changed).not.toBe(text);
  return checkPassport(passport, utf8(changed), artifact);
}

describe('another policy', () => {
  test('that demands more names who is missing', () => {
    const r = withPolicy((p) => p.replace('require release release', 'group both all release developer\nrequire release both'));
    expect(r.failure).toBe('release: 1 of the 2 signatures that `both` asks for: developer is missing');
  });

  test('that is silent is told so', () => {
    const r = withPolicy((p) => p.replace('require rebuild rebuilders\n', ''));
    expect(r.failure).toContain('add a line `require rebuild NAME`');
    expect(r.steps[0]?.state).toBe('bad');
  });

  test('that demands nothing of a kind skips it', () => {
    const r = withPolicy((p) => p.replace('require rebuild rebuilders', 'require rebuild none'));
    expect(r.ok).toBe(true);
    expect(r.steps.find((s) => s.id === 'rebuild')?.state).toBe('skipped');
  });

  test('that demands a review says that there is none', () => {
    const r = withPolicy((p) => `${p}require review developer\n`.replace('developer\n', 'developer\n'));
    expect(r.failure).toBe('review: the signature of `developer` is missing');
  });

  test('without a witness of the quorum names it', () => {
    const text = new TextDecoder().decode(passport);
    const lines = text.split('\n');
    const cut = lines.filter((l) => !l.startsWith('\u2014 witness-2')).join('\n');
    const checkpoint = cut.slice(cut.indexOf('zurich.example/log\n7\n'));
    const again = cut.replace(/^checkpoint .*$/m, `checkpoint sha256:${hex(digest(utf8(checkpoint)))}`);
    const r = checkPassport(utf8(again), policy, artifact);
    expect(r.failure).toBe('checkpoint: 1 of the 2 cosignatures that `witnesses` asks for: witness-2 is missing');
  });
});

describe('policies', () => {
  const bad = (text: string): string => {
    try {
      parsePolicy(utf8(text));
    } catch (e) {
      return (e as Error).message;
    }
    return '';
  };

  test('that are wrong say where', () => {
    const [log = '', witness = ''] = new TextDecoder().decode(policy).split('\n');
    expect(bad('')).toContain('no quorum line');
    expect(bad('quorum none')).toContain('does not end in a newline');
    expect(bad('quorum none\r\n')).toContain('lines must end as on Unix');
    expect(bad(`${log}\n${log}\nquorum none\n`)).toContain('line 2: a log with this public key');
    expect(bad(`${log.replace('482d0507', '482d0508')}\nquorum none\n`)).toContain('the key id of `zurich.example/log` should be 482d0507');
    expect(bad(`${witness}\ngroup g 2 witness-1\nquorum g\n`)).toContain('line 2: the threshold `2`');
    expect(bad(`${witness}\nquorum nobody\n`)).toContain('`nobody` is not defined');
    expect(bad(`${witness}\nquorum none\nrequire source witness-1\n`)).toContain('stands for witnesses; here belong signers');
    expect(bad('quorum none\nquorum none\n')).toContain('keep one');
    expect(bad('quorum none\nrequire nonsense none\n')).toContain('is not a kind');
    expect(bad('quorum none\nallow everything\n')).toContain('`allow` is none of');
    expect(bad('sealed\nquorum none\n')).toContain('is gone');
  });

  test('that are sealed notice every changed byte', () => {
    const text = `sealed\n${new TextDecoder().decode(policy)}`;
    const whole = utf8(`${text}seal sha256:${hex(digest(utf8(text)))}\n`);
    expect(parsePolicy(whole).sealed).toBe(true);
    for (let i = 0; i < whole.length; i++) {
      const changed = whole.slice();
      changed[i] = (changed[i] as number) ^ 1;
      expect(() => parsePolicy(changed)).toThrow();
    }
  });
});

describe('entries', () => {
  const entry = block('vitrine/entry/v1');

  test('are read', () => {
    const { entry: e, note } = parseEntry(utf8(entry));
    expect(e.kind).toBe('source');
    expect(note.sigs[0]?.name).toBe('developer.zurich.example');
  });

  test('in another form are refused', () => {
    const refused = (change: (t: string) => string) => expect(() => parseEntry(utf8(change(entry)))).toThrow();
    refused((t) => t.replace('kind source', 'kind sauce'));
    refused((t) => t.replace('kind source', 'kind  source'));
    refused((t) => t.replace('sha256:3', 'sha256:A'));
    refused((t) => t.replace(/^(subject.*)$/m, '$1\n$1'));
    refused((t) => t.replace(/^subject.*\n/m, ''));
    refused((t) => t.replace('subject source', 'subject recipe'));
    refused((t) => t.replace('kind source', 'kind toString'));
    refused((t) => `${t}${t.split('\n').at(-2)}\n`);
    refused((t) => t.slice(0, -1));
    refused((t) => `\ufeff${t}`);
  });
});
