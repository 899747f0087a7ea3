// SPDX-License-Identifier: Apache-2.0
// How it works, for somebody who has never heard of any of it.
import { site, terms } from '../lib/store';
import { Said } from '../parts/Said';
import { Title } from '../parts/Title';
import '../styles/about.css';

const STEPS: { title: string; says: string }[] = [
  { title: 'The source is fixed', says: 'Before anything is built, the vendor takes a snapshot of the source and writes its digest into the log. A digest is a long number that fits exactly these bytes and no others.' },
  { title: 'It is built in a sealed room', says: 'The build happens in a sandbox without a network, with tools that are known to the last byte. Whoever does the same again gets the same file, bit for bit.' },
  { title: 'Others build it again', says: 'Independent organisations repeat the build on their own machines. When they get the same bytes, nothing was slipped in on the way. When not, they publish that.' },
  { title: 'Reviewers read it', says: 'People from several organisations read the source and sign what they have read, line by line, with a key that this site does not have.' },
  { title: 'Everything goes into the log', says: 'Each of these statements is signed by whoever makes it and added to a public log. Nothing can be taken out or changed unnoticed, not even by whoever runs the log.' },
  { title: 'Witnesses watch the log', says: 'Independent witnesses check that the log only grows, and sign each of its states. So everybody is shown the same log: a secret version made for one customer would stand out.' },
  { title: 'You check', says: 'Your machine, or your browser right here, checks all of that for each file before it is used. The rules are in a policy that you can write yourself.' },
];

const QUESTIONS: { asks: string; answer: string }[] = [
  { asks: 'Why should I believe this page?', answer: 'You should not. It comes from the vendor, as does the program in it that checks. Use it to look around; for what matters use the command line program, built by yourself or by somebody whom you trust. Beside each result stands the command that repeats it.' },
  { asks: 'What if the vendor is forced to ship something special to me?', answer: 'A file that is not in the witnessed log, or that nobody else could build from the published source, is refused by your machine. A file that is in the log can be seen by everybody.' },
  { asks: 'Does it show that the program is good?', answer: 'No. It shows which source the program was made from, who has read that source, and that nothing else went in. Whether the source is good is for its readers to say; that is why they sign.' },
  { asks: 'And users’ data?', answer: 'Each request for it, each approval, each reading and each erasure is an entry of the same log. The keys are given out only for what was approved and logged before.' },
  { asks: 'What is kept about me when I visit?', answer: 'No account is needed, and no other host is asked. When source is opened, that is counted; the names of reviewers who log in are kept with what they open, and the record’s root is published every day.' },
];

export default function About() {
  const words = [...terms.value.values()];
  return (
    <>
      <Title name="How it works" lead={`${site.value?.name ?? 'This site'} publishes everything about its software that is not secret, in a form that you can check without trusting it.`} />
      <section aria-labelledby="steps">
        <h2 id="steps">From source to your machine</h2>
        <ol class="story">
          {STEPS.map((s) => (
            <li key={s.title} class="card">
              <h3>{s.title}</h3>
              <p>{s.says}</p>
            </li>
          ))}
        </ol>
      </section>
      <section aria-labelledby="questions" class="stack">
        <h2 id="questions">Questions</h2>
        <div class="questions">
          {QUESTIONS.map((q) => (
            <div key={q.asks}>
              <h3>{q.asks}</h3>
              <p>{q.answer}</p>
            </div>
          ))}
        </div>
      </section>
      <section aria-labelledby="words" class="stack">
        <h2 id="words">The words</h2>
        <p class="quiet">Wherever one of them is underlined with dots, press it to read what it means.</p>
        <dl class="words">
          {words.map(({ term, is }) => (
            <div key={term}>
              <dt>{term}</dt>
              <dd>
                <Said text={is} />
              </dd>
            </div>
          ))}
        </dl>
      </section>
      <section aria-labelledby="machines" class="stack prose">
        <h2 id="machines">For machines</h2>
        <p>
          All that these pages show is there as <a href="/api/v1/openapi.json">JSON</a>; what happens is told as an <a href="/api/v1/feed.atom">Atom feed</a>. The log follows the C2SP formats (
          <a href="/checkpoint">checkpoint</a>, tiles), so that any such client can read it. The site’s own <a href="/policy">policy</a> is a text file.
        </p>
      </section>
    </>
  );
}
