// SPDX-License-Identifier: Apache-2.0
// The map of regions: where users' data are kept and processed, and what is moving. All of it stands in the
// table below it, too.
import { useEffect, useRef, useState } from 'preact/hooks';
import { country, plural } from '../lib/format';
import type { RegionsAnswer, Relocation } from '../lib/types-data';
import { labelsOf, marksOf, viewOf, worldView, type Label as LabelPlace, type Mark, type View } from './layout';
import { BORDERS, LAND } from './world';

interface Move {
  from: Mark;
  to: Mark;
  region: string;
  key: string;
}

interface Extent {
  width: number;
  height: number;
}

/** Pixels; text and marks keep their size on every screen. */
function useExtent(): [preact.RefObject<HTMLDivElement>, Extent] {
  const box = useRef<HTMLDivElement>(null);
  const [extent, setExtent] = useState<Extent>({ width: 900, height: 450 });
  useEffect(() => {
    if (box.current === null) return;
    const watch = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setExtent({ width: Math.max(200, entry.contentRect.width), height: Math.max(100, entry.contentRect.height) });
    });
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return [box, extent];
}

function arc(m: Move): string {
  const [dx, dy] = [m.to.x - m.from.x, m.to.y - m.from.y];
  const bend = 0.28;
  return `M${m.from.x} ${m.from.y}Q${(m.from.x + m.to.x) / 2 + dy * bend} ${(m.from.y + m.to.y) / 2 - dx * bend - Math.hypot(dx, dy) * 0.1} ${m.to.x} ${m.to.y}`;
}

function Site({ mark, regions, px, rem }: { mark: Mark; regions: string[]; px: number; rem: number }) {
  return (
    <g class="site-mark">
      <title>{`${mark.name} in ${country(mark.jurisdiction)} keeps ${regions.join(', ') || 'no region'}`}</title>
      <circle class="halo" cx={mark.x} cy={mark.y} r={0.7 * rem * px} />
      <circle class="dot" cx={mark.x} cy={mark.y} r={0.35 * rem * px} stroke-width={2 * px} />
    </g>
  );
}

/** On a narrow screen only the regions: the table below has the rest. */
function Label({ l, regions, font, px, small }: { l: LabelPlace; regions: string; font: number; px: number; small: boolean }) {
  const common = { x: l.x, 'stroke-width': 4 * px, 'text-anchor': l.end ? ('end' as const) : ('start' as const), 'dominant-baseline': 'middle' as const, 'aria-hidden': true };
  if (small) {
    return (
      <text class="map-name" y={l.y} font-size={font} {...common}>
        {regions}
      </text>
    );
  }
  return (
    <>
      <text class="map-name" y={l.y} font-size={font} {...common}>
        {l.mark.name}
      </text>
      <text class="map-regions" y={l.y + font * 1.25} font-size={font * 0.92} {...common}>
        {regions}
      </text>
    </>
  );
}

function movesOf(answer: RegionsAnswer, relocations: Relocation[], marks: Mark[]): Move[] {
  const moving = new Set(answer.items.flatMap((r) => (r.moving === null ? [] : [r.moving])));
  return relocations.flatMap((r) => {
    const from = marks.find((m) => m.name === r.from);
    const to = marks.find((m) => m.name === r.to);
    return moving.has(r.relocation) && from !== undefined && to !== undefined ? [{ from, to, region: r.region, key: r.relocation }] : [];
  });
}

function Drawing({ answer, marks, moves, view, width }: { answer: RegionsAnswer; marks: Mark[]; moves: Move[]; view: View; width: number }) {
  const px = view.width / width;
  const small = width < 560;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  const font = (small ? 0.8 : 0.9) * rem * px;
  const regionsOf = (site: string): string[] => answer.items.filter((r) => r.site === site).map((r) => r.region);
  const words = marks.map((m) => `${m.name} in ${country(m.jurisdiction)}: ${regionsOf(m.name).join(', ') || 'no region'}`).join('; ');
  return (
    <svg class="map" viewBox={`${view.x} ${view.y} ${view.width} ${view.height}`} role="img" aria-label={`Map. ${words}`} preserveAspectRatio="xMidYMid meet">
      <path class="land" d={LAND} />
      <path class="borders" d={BORDERS} stroke-width={0.7 * px} />
      {moves.map((m) => (
        <path key={m.key} class="move" d={arc(m)} stroke-width={2.5 * px} stroke-dasharray={`${7 * px} ${6 * px}`} fill="none">
          <title>{`Region ${m.region} moves from ${m.from.name} to ${m.to.name}`}</title>
        </path>
      ))}
      {marks.map((m) => (
        <Site key={m.name} mark={m} regions={regionsOf(m.name)} px={px} rem={rem} />
      ))}
      {labelsOf(marks, view, font * (small ? 1.3 : 2.7), rem * px).map((l) => (
        <Label key={l.mark.name} l={l} regions={regionsOf(l.mark.name).join(', ') || 'no region'} font={font} px={px} small={small} />
      ))}
    </svg>
  );
}

/** Sites of which only a run or a relocation tells have the jurisdiction that those say. */
function sitesOf(answer: RegionsAnswer): { name: string; jurisdiction: string }[] {
  const all = new Map(answer.sites.map((s) => [s.name, s.jurisdiction]));
  for (const r of answer.items) for (const p of r.processed_at) if (!all.has(p.site)) all.set(p.site, p.jurisdiction);
  return [...all].map(([name, jurisdiction]) => ({ name, jurisdiction }));
}

export function WorldMap({ answer, relocations }: { answer: RegionsAnswer; relocations: Relocation[] }) {
  const [whole, setWhole] = useState(false);
  const [box, extent] = useExtent();
  const ratio = extent.width / extent.height;
  const sites = sitesOf(answer);
  const marks = marksOf(sites);
  const moves = movesOf(answer, relocations, marks);
  const missing = sites.length - marks.length;
  return (
    <figure class="map-figure">
      <div class="map-box" ref={box}>
        <Drawing answer={answer} marks={marks} moves={moves} view={whole ? worldView(ratio) : viewOf(marks, ratio)} width={extent.width} />
      </div>
      <figcaption class="row apart">
        <span class="quiet small">
          Each mark is a site that keeps users’ data, in the country whose law it is under; beside it are its regions.
          {moves.length > 0 && ' The dashed line is a region that moves.'}
          {missing > 0 && ` ${plural(missing, 'site')} cannot be shown: the policy gives no country for ${missing === 1 ? 'it' : 'them'}.`}
        </span>
        <button type="button" class="no-print" aria-pressed={whole} onClick={() => setWhole(!whole)}>
          Whole world
        </button>
      </figcaption>
    </figure>
  );
}
