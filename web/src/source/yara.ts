// SPDX-License-Identifier: Apache-2.0
// YARA, the language of detection rules, for the code view: words, strings, expressions, hex strings, comments.
import type { StreamParser, StringStream } from '@codemirror/language';

const KEYWORDS = new Set(
  'all and any ascii at base64 base64wide condition contains defined endswith entrypoint filesize for fullword global icontains iendswith iequals import in include istartswith matches meta nocase none not of or private rule startswith strings them wide xor'.split(' '),
);
const ATOMS = new Set(['true', 'false']);

interface State {
  in: 'code' | 'comment' | 'hex';
  /** After `=` a brace begins a hex string, a slash an expression. */
  value: boolean;
}

function comment(stream: StringStream, state: State): string {
  if (stream.skipTo('*/')) {
    stream.match('*/');
    state.in = 'code';
  } else {
    stream.skipToEnd();
  }
  return 'comment';
}

function hex(stream: StringStream, state: State): string {
  if (stream.match('//')) {
    stream.skipToEnd();
    return 'comment';
  }
  if (stream.next() === '}') state.in = 'code';
  return 'string.special';
}

/** A string or an expression, up to its end on this line. */
function quoted(stream: StringStream, end: string): void {
  let escaped = false;
  for (let c = stream.next(); c != null; c = stream.next()) {
    if (c === end && !escaped) return;
    escaped = c === '\\' && !escaped;
  }
}

function value(stream: StringStream, state: State, c: string): string | null {
  if (c === '{') {
    state.in = 'hex';
    return 'string.special';
  }
  quoted(stream, '/');
  stream.match(/^[is]+/);
  return 'string.special';
}

function code(stream: StringStream, state: State): string | null {
  if (stream.eatSpace()) return null;
  if (stream.match('//')) {
    stream.skipToEnd();
    return 'comment';
  }
  if (stream.match('/*')) {
    state.in = 'comment';
    return comment(stream, state);
  }
  const after = state.value;
  state.value = false;
  if (stream.match(/^[$#@!][A-Za-z0-9_]*\*?/)) return 'variableName.special';
  if (stream.match(/^(0x[0-9A-Fa-f]+|\d+(\.\d+)?(KB|MB)?)/)) return 'number';
  if (stream.match(/^[A-Za-z_][A-Za-z0-9_]*/)) {
    const word = stream.current();
    state.value = word === 'matches';
    return KEYWORDS.has(word) ? 'keyword' : ATOMS.has(word) ? 'atom' : 'variableName';
  }
  const c = stream.next() ?? '';
  if (c === '"') {
    quoted(stream, '"');
    return 'string';
  }
  if (after && (c === '{' || c === '/')) return value(stream, state, c);
  state.value = c === '=' && stream.peek() !== '=';
  return /[=<>!&|^~+\-*%\\]/.test(c) ? 'operator' : null;
}

export const yara: StreamParser<State> = {
  name: 'yara',
  startState: () => ({ in: 'code', value: false }),
  token(stream, state) {
    return state.in === 'comment' ? comment(stream, state) : state.in === 'hex' ? hex(stream, state) : code(stream, state);
  },
  languageData: { commentTokens: { line: '//', block: { open: '/*', close: '*/' } } },
};
