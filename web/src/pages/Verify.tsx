// SPDX-License-Identifier: Apache-2.0
// Drop a file: it is hashed here, looked up by its digest, and verified by its passport. Nothing is
// sent but the digest; with a passport of one's own, nothing at all.
import { useState } from 'preact/hooks';
import { ApiError, bytes, get } from '../lib/api';
import { plural, size } from '../lib/format';
import { announce } from '../lib/store';
import type { Artifact } from '../lib/types';
import { ask } from '../lib/verifier';
import { Problem } from '../parts/Async';
import { ReleaseBadge } from '../parts/Badge';
import { Command } from '../parts/Command';
import { Digest } from '../parts/Digest';
import { Drop } from '../parts/Drop';
import { PassportCheck } from '../parts/PassportCheck';
import { Term } from '../parts/Term';
import { Title } from '../parts/Title';

const PASSPORT_MAX = 2 * 1024 * 1024;

/** What is known of the file that was dropped. */
type Subject =
  | { step: 'hashing'; name: string; bytes: number; done: number }
  | { step: 'asking'; name: string; bytes: number; hash: string }
  | { step: 'unknown'; name: string; bytes: number; hash: string }
  | { step: 'known'; name: string; bytes: number; hash: string; artifact: Artifact; passport: Uint8Array | null }
  | { step: 'given'; name: string; bytes: number; hash: string | null; passport: Uint8Array }
  | { step: 'failed'; name: string; error: Error };

function isPassport(file: File): boolean {
  return file.name.endsWith('.passport') && file.size <= PASSPORT_MAX;
}

async function lookUp(hash: string): Promise<{ artifact: Artifact; passport: Uint8Array | null } | null> {
  let artifact: Artifact;
  try {
    artifact = await get<Artifact>(`/artifacts/sha256:${hash}`);
  } catch (e) {
    if (e instanceof ApiError && e.status === 404) return null;
    throw e;
  }
  const passport = await bytes(`/passports/${hash}.passport`).catch(() => null);
  return { artifact, passport };
}

/** Hashes the file, then looks it up, unless its passport was given too. */
async function take(files: File[], show: (s: Subject) => void): Promise<void> {
  const passportFile = files.find(isPassport);
  const file = files.find((f) => f !== passportFile);
  const passport = passportFile === undefined ? null : new Uint8Array(await passportFile.arrayBuffer());
  if (file === undefined) {
    if (passport !== null && passportFile !== undefined) show({ step: 'given', name: passportFile.name.replace(/\.passport$/, ''), bytes: 0, hash: null, passport });
    return;
  }
  const of = { name: file.name, bytes: file.size };
  show({ step: 'hashing', ...of, done: 0 });
  const hash = await ask('hash', { file }, { onProgress: (done) => show({ step: 'hashing', ...of, done }) });
  if (passport !== null) return show({ step: 'given', ...of, hash, passport });
  show({ step: 'asking', ...of, hash });
  const known = await lookUp(hash);
  show(known === null ? { step: 'unknown', ...of, hash } : { step: 'known', ...of, hash, ...known });
  if (known === null) announce('The log has never heard of this file.');
}

function FileLine({ s }: { s: Exclude<Subject, { step: 'failed' }> }) {
  return (
    <dl class="facts">
      <dt>File</dt>
      <dd class="wrap">
        {s.name}
        {s.bytes > 0 && <span class="quiet">, {size(s.bytes)}</span>}
      </dd>
      {'hash' in s && s.hash !== null && (
        <>
          <dt>SHA-256</dt>
          <dd>
            <Digest of={`sha256:${s.hash}`} what="digest of the file" whole />
          </dd>
        </>
      )}
    </dl>
  );
}

function Unknown({ s }: { s: Extract<Subject, { step: 'unknown' }> }) {
  return (
    <div class="note bad stack" role="alert">
      <h2>The log has never heard of this file</h2>
      <p>
        No assembly, no rebuild and no release in this site’s <Term word="log">log</Term> names it. It may be another vendor’s file, a file that was changed, or a damaged download. A file that
        claims to come from here and is not in the log should not be used.
      </p>
      <Command does="Look for yourself in a copy of the log:" command={`grep -rl --text ${s.hash} tile/entries/`} />
    </div>
  );
}

function Known({ s }: { s: Extract<Subject, { step: 'known' }> }) {
  const { releases, assemblies, mismatches } = s.artifact;
  return (
    <section aria-labelledby="known" class="stack">
      <h2 id="known">What the log says of it</h2>
      {releases.length > 0 && (
        <ul>
          {releases.map((r) => (
            <li key={`${r.channel} ${r.index}`}>
              <a href={`/release/${encodeURIComponent(r.artifact)}`}>
                {r.product} {r.version}
              </a>{' '}
              in the channel {r.channel} <ReleaseBadge state={r.state} />
            </li>
          ))}
        </ul>
      )}
      {releases.length === 0 && <p>It was never released. {plural(assemblies.length, 'assembly', 'assemblies')} in the log made it.</p>}
      {mismatches.length > 0 && (
        <p class="note bad">
          <strong>{plural(mismatches.length, 'rebuilder')} got other bytes.</strong> Do not use this file.{' '}
          {mismatches.map((m) => (
            <a key={m.index} href={`/log/${m.index}`}>
              entry {m.index}
            </a>
          ))}
        </p>
      )}
    </section>
  );
}

function Result({ s }: { s: Subject }) {
  switch (s.step) {
    case 'failed':
      return <Problem error={s.error} what={`what is known of ${s.name}`} />;
    case 'hashing':
      return (
        <div class="card">
          <FileLine s={s} />
          <label for="hashing">Computing its SHA-256 in this browser…</label>
          <progress id="hashing" value={s.done} max={Math.max(s.bytes, 1)} />
        </div>
      );
    case 'asking':
      return (
        <div class="card">
          <FileLine s={s} />
          <p class="quiet">Looking it up by its digest…</p>
        </div>
      );
    case 'unknown':
      return (
        <>
          <div class="card">
            <FileLine s={s} />
          </div>
          <Unknown s={s} />
        </>
      );
    case 'given':
    case 'known':
      return (
        <>
          <div class="card">
            <FileLine s={s} />
            {s.step === 'given' && s.hash === null && (
              <p class="quiet">Only a passport was given. Drop the file together with it to have the two compared; here the passport is taken at its word for which file it is about.</p>
            )}
          </div>
          {s.passport === null ? (
            <p class="note bad">The site has no passport of this file, so nothing can be proven from here.</p>
          ) : (
            <PassportCheck passport={s.passport} artifact={s.hash} file={s.name} />
          )}
          {s.step === 'known' && <Known s={s} />}
        </>
      );
  }
}

export default function Verify() {
  const [subject, setSubject] = useState<Subject | null>(null);
  const [turn, setTurn] = useState(0);

  function begin(files: File[]): void {
    const file = files[0];
    if (file === undefined) return;
    setTurn(turn + 1);
    take(files, setSubject).catch((e: unknown) => setSubject({ step: 'failed', name: file.name, error: e instanceof Error ? e : new Error(String(e)) }));
  }

  return (
    <>
      <Title
        name="Check a file"
        lead={
          <>
            Have you downloaded or received a file from this vendor? Your browser computes its <Term word="digest">digest</Term> and finds out whether it is one that was built in the open.
          </>
        }
      />
      <section aria-label="Choose a file" class="stack">
        <Drop onFiles={begin} many button="Choose a file">
          <p>
            <strong>Drop a file here</strong>, of any size.
          </p>
          <p class="quiet">
            It is <strong>not uploaded</strong>: it stays on your machine, and only its digest is asked for. Drop its <Term word="passport">passport</Term> with it, and not even that is.
          </p>
        </Drop>
      </section>
      <div key={turn} class="stack wide">
        {subject !== null && <Result s={subject} />}
      </div>
    </>
  );
}
