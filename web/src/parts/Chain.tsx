// SPDX-License-Identifier: Apache-2.0
// How a release came to be, link by link: who, where, when; and what is missing. First as the site
// tells it; what this browser has checked itself is marked.
import { country, time } from '../lib/format';
import type { ChainStep, StepLink, StepWitness } from '../lib/types';
import type { CheckStep } from '../lib/verify/steps';
import { Sign, type Tone } from './Badge';
import { Term } from './Term';
import '../styles/chain.css';

/** Short names for the columns, and the words that explain them. */
const LINKS: Record<string, { name: string; term: string }> = {
  source: { name: 'Source', term: 'source' },
  environment: { name: 'Environment', term: 'environment' },
  assembly: { name: 'Assembly', term: 'assembly' },
  rebuild: { name: 'Rebuilds', term: 'rebuild' },
  review: { name: 'Reviews', term: 'review' },
  release: { name: 'Release', term: 'release' },
  log: { name: 'Log', term: 'log' },
  witnesses: { name: 'Witnesses', term: 'witness' },
};

const WORDS: Record<ChainStep['state'], { tone: Tone; says: string }> = {
  ok: { tone: 'ok', says: 'complete' },
  missing: { tone: 'bad', says: 'missing' },
  contradicted: { tone: 'bad', says: 'contradicted' },
  'none-demanded': { tone: 'neutral', says: 'not demanded' },
};

/** What the browser's own check says of a link; null when it has not come so far. */
function checkedState(step: ChainStep, checked: CheckStep[]): CheckStep['state'] | null {
  const ids = step.step === 'log' ? ['log', 'paths'] : [step.step];
  const states = ids.map((id) => checked.find((c) => c.id === id)?.state);
  if (states.includes('bad')) return 'bad';
  return states.every((s) => s === 'ok') ? 'ok' : null;
}

function isLink(got: StepLink | StepWitness): got is StepLink {
  return 'index' in got;
}

/** What a rebuild varied on purpose: few words in place, many behind a summary. */
function Varied({ words }: { words: string[] }) {
  if (words.length <= 3) return <span class="when">varied: {words.join(', ')}</span>;
  return (
    <details class="when">
      <summary>varied {words.length} things</summary>
      {words.join(', ')}
    </details>
  );
}

function Who({ got }: { got: StepLink | StepWitness }) {
  const name = isLink(got) ? (got.signer ?? got.key) : got.name;
  return (
    <li>
      {isLink(got) ? <a href={`/log/${got.index}`}>{name}</a> : <span>{name}</span>}
      {isLink(got) && got.jurisdiction !== null && <span class="where">{country(got.jurisdiction)}</span>}
      {got.time !== null && (
        <time class="when" dateTime={got.time} title={time(got.time)}>
          {time(got.time).replace(/:\d\d UTC$/, ' UTC').split(', ').map((part) => (
            <span key={part}>{part}</span>
          ))}
        </time>
      )}
      {isLink(got) && got.varied !== null && got.varied.length > 0 && <Varied words={got.varied} />}
    </li>
  );
}

export function Chain({ steps, checked }: { steps: ChainStep[]; checked: CheckStep[] }) {
  return (
    <ol class="chain">
      {steps.map((step) => {
        const own = checkedState(step, checked);
        const { tone, says } = own === 'bad' ? { tone: 'bad' as const, says: 'not proven' } : WORDS[step.state] ?? WORDS.missing;
        return (
          <li key={step.step} class={`link ${tone}`}>
            <span class="bead">
              <Sign tone={tone} size={18} />
            </span>
            <div class="link-body">
              <h3>
                <Term word={LINKS[step.step]?.term ?? step.step}>{LINKS[step.step]?.name ?? step.title}</Term>
              </h3>
              <p class="says">
                {says}
                {own === 'ok' && <span class="own"> checked here</span>}
              </p>
              {step.got.length > 0 && (
                <ul>
                  {step.got.map((g, i) => (
                    <Who key={i} got={g} />
                  ))}
                </ul>
              )}
              {step.missing !== null && <p class="missing">{step.missing}</p>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
