// SPDX-License-Identifier: Apache-2.0
// Makes src/data/world.ts, the map of the page about users' data: Natural Earth's coasts and borders (public
// domain, by way of the package world-atlas) in the Equal Earth projection, and a place for each country's
// code. Run again when those packages change: npx vite-node scripts/map.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { geoArea, geoCentroid, geoEqualEarth, geoPath } from 'd3-geo';
import { feature, merge, mesh } from 'topojson-client';

const WIDTH = 1000;
// Steps of the paths' points, and the least size of an island that is drawn, in units of the map.
const STEP = 0.25;
const ISLAND_MIN = 2;
// Points that lie less than this from the line between their neighbours are left out.
const BEND_MIN = 0.35;
const root = new URL('../', import.meta.url);

function load(name: string): any {
  return JSON.parse(readFileSync(new URL(`node_modules/world-atlas/${name}.json`, root), 'utf8'));
}

// ISO 3166-1: numeric code and two letters.
const CODES =
  'AF004AX248AL008DZ012AS016AD020AO024AI660AQ010AG028AR032AM051AW533AU036AT040AZ031BS044BH048BD050BB052BY112BE056BZ084BJ204BM060BT064BO068BA070' +
  'BW072BR076BN096BG100BF854BI108CV132KH116CM120CA124KY136CF140TD148CL152CN156CO170KM174CG178CD180CK184CR188CI384HR191CU192CW531CY196CZ203DK208' +
  'DJ262DM212DO214EC218EG818SV222GQ226ER232EE233SZ748ET231FK238FO234FJ242FI246FR250PF258GA266GM270GE268DE276GH288GR300GL304GD308GU316GT320GG831' +
  'GN324GW624GY328HT332VA336HN340HK344HU348IS352IN356ID360IR364IQ368IE372IM833IL376IT380JM388JP392JE832JO400KZ398KE404KI296KP408KR410KW414KG417' +
  'LA418LV428LB422LS426LR430LY434LI438LT440LU442MO446MG450MW454MY458MV462ML466MT470MH584MR478MU480MX484FM583MD498MC492MN496ME499MS500MA504MZ508' +
  'MM104NA516NR520NP524NL528NC540NZ554NI558NE562NG566NU570MK807MP580NO578OM512PK586PW585PS275PA591PG598PY600PE604PH608PL616PT620PR630QA634RO642' +
  'RU643RW646KN659LC662VC670WS882SM674ST678SA682SN686RS688SC690SL694SG702SX534SK703SI705SB090SO706ZA710SS728ES724LK144SD729SR740SE752CH756SY760' +
  'TW158TJ762TZ834TH764TL626TG768TO776TT780TN788TR792TM795TC796UG800UA804AE784GB826US840UY858UZ860VU548VE862VN704VG092VI850EH732YE887ZM894ZW716';

function lettersOf(): Map<string, string> {
  const all = new Map<string, string>();
  for (let i = 0; i < CODES.length; i += 5) all.set(CODES.slice(i + 2, i + 5), CODES.slice(i, i + 2));
  return all;
}

/** The biggest piece of a country, so that its place is not in the sea between it and its islands. */
function mainland(geometry: any): any {
  if (geometry.type !== 'MultiPolygon') return geometry;
  const parts = geometry.coordinates.map((c: any) => ({ type: 'Polygon', coordinates: c }));
  return parts.reduce((a: any, b: any) => (geoArea(b) > geoArea(a) ? b : a));
}

type Point = [number, number];

/** Ramer, Douglas and Peucker: without points that hardly bend the line. */
function simplified(p: Point[]): Point[] {
  const first = p[0] as Point;
  const last = p.at(-1) as Point;
  let far = 0;
  let at = 0;
  for (let i = 1; i + 1 < p.length; i++) {
    const [x, y] = p[i] as Point;
    const [dx, dy] = [last[0] - first[0], last[1] - first[1]];
    const length = Math.hypot(dx, dy);
    const d = length === 0 ? Math.hypot(x - first[0], y - first[1]) : Math.abs(dy * (x - first[0]) - dx * (y - first[1])) / length;
    if (d > far) [far, at] = [d, i];
  }
  if (far <= BEND_MIN) return [first, last];
  return [...simplified(p.slice(0, at + 1)).slice(0, -1), ...simplified(p.slice(at))];
}

function areaOf(p: Point[]): number {
  return Math.abs(p.reduce((sum, [x, y], i) => sum + x * (p[(i + 1) % p.length] as Point)[1] - (p[(i + 1) % p.length] as Point)[0] * y, 0)) / 2;
}

function text(n: number): string {
  return String(Math.round(n * 100) / 100).replace(/^(-?)0\./, '$1.');
}

/** Few points, relative steps, no point twice. */
function compact(path: string): string {
  let out = '';
  for (const part of path.split('M').slice(1)) {
    const closed = part.endsWith('Z');
    const all = part.replace('Z', '').split('L').map((p) => p.split(',').map(Number) as Point);
    if (closed && areaOf(all) < ISLAND_MIN) continue;
    const points = simplified(all).map(([x, y]): Point => [Math.round(x / STEP) * STEP, Math.round(y / STEP) * STEP]);
    let [x, y] = points[0] as Point;
    let steps = '';
    for (const [px, py] of points.slice(1)) {
      if (px === x && py === y) continue;
      const dy = text(py - y);
      steps += `l${text(px - x)}${dy.startsWith('-') ? '' : ' '}${dy}`;
      [x, y] = [px, py];
    }
    const [sx, sy] = points[0] as Point;
    if (steps !== '') out += `M${sx} ${sy}${steps}${closed ? 'z' : ''}`;
  }
  return out;
}

const world = load('countries-50m');
const fine = load('countries-10m');
const projection = geoEqualEarth().fitWidth(WIDTH, { type: 'Sphere' });
const draw = geoPath(projection);

// Without Antarctica: nobody keeps users' data there, and it takes a fifth of the height.
const countries = world.objects.countries;
countries.geometries = countries.geometries.filter((g: any) => g.id !== '010');
const fill = compact(draw(merge(world, countries.geometries)) ?? '');
const borders = compact(draw(mesh(world, countries, (a: any, b: any) => a !== b)) ?? '');
const [[, top], [, bottom]] = draw.bounds(feature(world, countries));

const letters = lettersOf();
const places: Record<string, [number, number]> = {};
for (const f of (feature(fine, fine.objects.countries) as any).features) {
  const code = letters.get(String(f.id));
  if (code === undefined) continue;
  const at = projection(geoCentroid(mainland(f.geometry)));
  if (at !== null) places[code] = [Math.round(at[0] * 10) / 10, Math.round(at[1] * 10) / 10];
}
const brussels = projection([4.35, 50.85]);
if (brussels !== null) places['EU'] = [Math.round(brussels[0] * 10) / 10, Math.round(brussels[1] * 10) / 10];

const sorted = Object.entries(places).sort(([a], [b]) => (a < b ? -1 : 1));
const module = `// SPDX-License-Identifier: Apache-2.0
// Made by scripts/map.ts; not written by hand. Coasts and borders: Natural Earth, public domain.
export const WIDTH = ${WIDTH};
export const TOP = ${Math.floor(top) - 6};
export const HEIGHT = ${Math.ceil(bottom) - Math.floor(top) + 12};
export const LAND =
  '${fill}';
export const BORDERS =
  '${borders}';
/** Where a country's mark stands, by its two letters. */
export const PLACES: Readonly<Record<string, readonly [number, number]>> = {
${sorted.map(([code, [x, y]]) => `  ${code}: [${x}, ${y}],`).join('\n')}
};
`;
writeFileSync(new URL('src/data/world.ts', root), module);
console.log(`${fill.length + borders.length} characters of paths, ${sorted.length} places`);
