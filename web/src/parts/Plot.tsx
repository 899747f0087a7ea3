// SPDX-License-Identifier: Apache-2.0
// A plot over time: a line that rises, or points. Beside it always the same as a table.
import { useEffect, useRef, useState } from 'preact/hooks';
import { day, time } from '../lib/format';
import { Table } from './Table';
import '../styles/plot.css';

export interface PlotPoint {
  at: string;
  value: number;
  label?: string | undefined;
}

export interface PlotProps {
  /** What is plotted, one sentence with its result: read by screen readers, shown below. */
  says: string;
  points: PlotPoint[];
  kind: 'line' | 'points';
  /** How a value is written. */
  format: (value: number) => string;
  head: [string, string];
  /** Round steps of the value's axis; decimal ones when left out. */
  steps?: readonly number[] | undefined;
}

// In pixels at a font size of 16; all grows with it.
const HEIGHT = 220;
const LEFT = 72;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;

function fontScale(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
}

const DECIMAL = Array.from({ length: 46 }, (_, i) => [1, 2, 5][i % 3]! * 10 ** Math.floor(i / 3));
/** Steps in seconds that are round for people. */
export const SECONDS: readonly number[] = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000];

/** Multiples of a round step, about four, the last of which is not below `max`. */
function ticks(max: number, steps: readonly number[]): number[] {
  const step = steps.find((s) => s * 4 >= max) ?? max / 4;
  return Array.from({ length: Math.max(1, Math.ceil(max / step)) + 1 }, (_, i) => i * step);
}

function useWidth(): [preact.RefObject<HTMLDivElement>, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const el = box.current;
    if (el === null) return;
    const watch = new ResizeObserver(() => setWidth(el.clientWidth));
    watch.observe(el);
    return () => watch.disconnect();
  }, []);
  return [box, width];
}

function Drawing({ points, kind, format, width, says, steps = DECIMAL }: PlotProps & { width: number }) {
  const k = fontScale();
  const [height, left, right, top, bottom] = [HEIGHT * k, LEFT * k, RIGHT * k, TOP * k, BOTTOM * k];
  const times = points.map((p) => new Date(p.at).getTime());
  const from = Math.min(...times);
  const to = Math.max(...times, from + 1);
  const rows = ticks(Math.max(...points.map((p) => p.value)), steps);
  const most = rows.at(-1) ?? 1;
  const x = (t: number) => left + ((t - from) / (to - from)) * (width - left - right);
  const y = (v: number) => height - bottom - (v / Math.max(most, 1e-9)) * (height - top - bottom);
  const place = points.map((p, i) => [x(times[i] as number), y(p.value)] as const);
  const line = place.map(([px, py], i) => (i === 0 ? `M${px} ${py}` : `H${px}V${py}`)).join('');
  return (
    <svg class="plot" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={says}>
      {rows.map((v) => (
        <g key={v}>
          <line class="rule" x1={left} x2={width - right} y1={y(v)} y2={y(v)} />
          <text x={left - 8 * k} y={y(v) + 4 * k} text-anchor="end">
            {format(v)}
          </text>
        </g>
      ))}
      <text x={left} y={height - 8 * k}>
        {day(points[0]?.at ?? '')}
      </text>
      <text x={width - right} y={height - 8 * k} text-anchor="end">
        {day(points.at(-1)?.at ?? '')}
      </text>
      {kind === 'line' ? (
        <>
          <path class="area" d={`${line}V${height - bottom}H${place[0]?.[0] ?? 0}Z`} />
          <path class="line" d={line} />
        </>
      ) : (
        place.map(([px, py], i) => (
          <circle key={i} class="point" cx={px} cy={py} r={4.5 * k}>
            <title>{`${points[i]?.label ?? ''} ${format(points[i]?.value ?? 0)}`}</title>
          </circle>
        ))
      )}
    </svg>
  );
}

export function Plot(props: PlotProps) {
  const [box, width] = useWidth();
  const { points, says, head, format } = props;
  if (points.length === 0) return <p class="empty">Nothing to show yet.</p>;
  return (
    <figure class="plot-box">
      <div ref={box} style={{ height: `${HEIGHT / 16}rem` }}>
        {width > 0 && <Drawing {...props} width={width} />}
      </div>
      <figcaption class="quiet small">{says}</figcaption>
      <details class="no-print">
        <summary class="small">The same as a table</summary>
        <Table caption={says} head={head} numeric={[1]}>
          {points.map((p, i) => (
            <tr key={i}>
              <th scope="row">{p.label === undefined ? time(p.at) : `${p.label}, ${time(p.at)}`}</th>
              <td class="number">{format(p.value)}</td>
            </tr>
          ))}
        </Table>
      </details>
    </figure>
  );
}
