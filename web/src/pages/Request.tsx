// SPDX-License-Identifier: Apache-2.0
// One request for users' data: its whole story, in the log's order, each step to be checked.
import { useRoute } from 'preact-iso';
import { useState } from 'preact/hooks';
import { provenDocument } from '../data/evidence';
import { DataPages, FieldsTable, StateBadge } from '../data/parts';
import { asked, modeWords, mood, stepTitle, told, words, type Mood } from '../data/story';
import { count, plural } from '../lib/format';
import type { RequestFull, RequestStep } from '../lib/types-data';
import { useApi } from '../lib/use';
import { digestText } from '../lib/verify/bytes';
import { Async } from '../parts/Async';
import { Sign } from '../parts/Badge';
import { Digest } from '../parts/Digest';
import { Step, type StepState } from '../parts/Step';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { digestOf } from '../source/address';
import '../styles/data.css';

interface Event {
  index: number;
  title: string;
  text: string;
  mood: Mood;
  time: string | null;
  fields: [string, string][];
}

function eventsOf(r: RequestFull): Event[] {
  const first: Event = { index: r.index, title: 'Asked', text: asked(r), mood: 'neutral', time: r.time, fields: r.fields };
  return [first, ...r.steps.map((s: RequestStep): Event => ({ index: s.link.index, title: stepTitle(s), text: told(s), mood: mood(s), time: s.link.time, fields: s.fields }))];
}

function Story({ events }: { events: Event[] }) {
  return (
    <ol class="story">
      {events.map((e) => (
        <li key={e.index} class={e.mood}>
          <span class="story-sign">
            <Sign tone={e.mood} size={16} />
          </span>
          <div class="stack tight">
            <h2>{e.title}</h2>
            <p>{e.text}</p>
            <p class="quiet small">
              <Time at={e.time} />, <a href={`/log/${e.index}`}>entry {count(e.index)}</a>
            </p>
            <FieldsTable fields={e.fields} />
          </div>
        </li>
      ))}
    </ol>
  );
}

const KINDS: Record<string, string> = { Asked: 'request', Approved: 'approval', 'Refused by an approver': 'approval', Granted: 'grant', 'Refused by the keeper': 'refusal', Run: 'run', Erased: 'erasure' };

interface Outcome {
  index: number;
  title: string;
  state: StepState;
  failure: string | null;
  signer: string | null;
}

/** The document is the one that the entry names, is about this request, and says what is shown. */
async function checkEvent(e: Event, request: string): Promise<string> {
  const kind = KINDS[e.title] ?? '';
  const { document, signer } = await provenDocument(e.index, kind);
  const of = kind === 'request' ? digestText(document.digest) : document.fields.find(([n]) => n === 'request')?.[1];
  if (of !== request) throw new Error('its document is about another request');
  if (JSON.stringify(document.fields) !== JSON.stringify(e.fields)) throw new Error('the site shows other fields than its document has');
  return signer;
}

function Check({ request, events }: { request: string; events: Event[] }) {
  const [outcomes, setOutcomes] = useState<Outcome[] | null>(null);
  const begin = async (): Promise<void> => {
    const list: Outcome[] = events.map((e) => ({ index: e.index, title: e.title, state: 'running', failure: null, signer: null }));
    setOutcomes([...list]);
    for (const [i, e] of events.entries()) {
      const base = { index: e.index, title: e.title };
      try {
        list[i] = { ...base, state: 'ok', failure: null, signer: await checkEvent(e, request) };
      } catch (problem) {
        list[i] = { ...base, state: 'bad', failure: problem instanceof Error ? problem.message : String(problem), signer: null };
      }
      setOutcomes([...list]);
    }
  };
  return (
    <section class="stack tight">
      <h2>Check it yourself</h2>
      <p class="quiet prose">Your browser fetches each document, hashes it, checks its signature, and checks that its entry is in a log that witnesses have cosigned.</p>
      {outcomes === null ? (
        <p class="no-print">
          <button type="button" class="primary" onClick={() => void begin()}>
            Check {plural(events.length, 'entry', 'entries')}
          </button>
        </p>
      ) : (
        <ol class="steps" aria-live="polite">
          {outcomes.map((o) => (
            <Step key={o.index} title={`${o.title}, entry ${count(o.index)}`} state={o.state} failure={o.failure} {...(o.signer === null ? {} : { says: `signed by ${o.signer}` })} />
          ))}
        </ol>
      )}
    </section>
  );
}

export default function Request() {
  const { params } = useRoute();
  const digest = digestOf(params['request']);
  const request = useApi<RequestFull>(digest === null ? null : `/requests/${digest}`, undefined, { live: true });
  const r = request.data;
  if (digest === null) return <Title name="No request" lead="A request is named by the 64 hexadecimal digits of its digest." />;
  return (
    <>
      <Title name={r === null ? 'Request' : `${r.requester}: ${words(r.purpose)}`} lead="What was asked, and what came of it. Every step is an entry of the log.">
        A request for users’ data
      </Title>
      <DataPages />
      <Async of={request} what="the request" lines={16}>
        {(full) => {
          const events = eventsOf(full);
          return (
            <div class="stack wide">
              <p class="request-about">
                <strong>
                  {full.requester}, to {modeWords(full.mode)}, for {words(full.purpose)}
                </strong>{' '}
                <StateBadge state={full.state} />
              </p>
              <Story events={events} />
              <Check request={full.request} events={events} />
              <section class="card">
                <dl class="facts">
                  <dt>Request</dt>
                  <dd>
                    <Digest of={full.request} what="request’s digest" />
                  </dd>
                  {full.job !== null && (
                    <>
                      <dt>Program</dt>
                      <dd>
                        <Digest of={full.job} what="program’s digest" href={`/release/${full.job.slice(7)}`} />
                      </dd>
                    </>
                  )}
                  <dt>Expires</dt>
                  <dd>
                    <Time at={full.expires} />
                  </dd>
                </dl>
              </section>
            </div>
          );
        }}
      </Async>
    </>
  );
}
