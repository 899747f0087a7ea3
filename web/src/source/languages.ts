// SPDX-License-Identifier: Apache-2.0
// Grammars for the code view, each loaded when a file first needs it.
import { LanguageSupport, StreamLanguage, type StreamParser } from '@codemirror/language';
import type { Extension } from '@codemirror/state';

type Load = () => Promise<Extension>;

function stream<T>(load: () => Promise<StreamParser<T>>): Load {
  return async () => new LanguageSupport(StreamLanguage.define(await load()));
}

const cpp: Load = async () => (await import('@codemirror/lang-cpp')).cpp();
const java: Load = async () => (await import('@codemirror/lang-java')).java();
const python: Load = async () => (await import('@codemirror/lang-python')).python();
const rust: Load = async () => (await import('@codemirror/lang-rust')).rust();
const go: Load = async () => (await import('@codemirror/lang-go')).go();
const script: Load = async () => (await import('@codemirror/lang-javascript')).javascript({ jsx: true });
const typed: Load = async () => (await import('@codemirror/lang-javascript')).javascript({ typescript: true });
const typedJsx: Load = async () => (await import('@codemirror/lang-javascript')).javascript({ typescript: true, jsx: true });
const html: Load = async () => (await import('@codemirror/lang-html')).html();
const css: Load = async () => (await import('@codemirror/lang-css')).css();
const json: Load = async () => (await import('@codemirror/lang-json')).json();
const markdown: Load = async () => (await import('@codemirror/lang-markdown')).markdown();
const sql: Load = async () => (await import('@codemirror/lang-sql')).sql();
const xml: Load = async () => (await import('@codemirror/lang-xml')).xml();
const yaml: Load = async () => (await import('@codemirror/lang-yaml')).yaml();
const shell = stream(async () => (await import('@codemirror/legacy-modes/mode/shell')).shell);
const ruby = stream(async () => (await import('@codemirror/legacy-modes/mode/ruby')).ruby);
const perl = stream(async () => (await import('@codemirror/legacy-modes/mode/perl')).perl);
const lua = stream(async () => (await import('@codemirror/legacy-modes/mode/lua')).lua);
const toml = stream(async () => (await import('@codemirror/legacy-modes/mode/toml')).toml);
const cmake = stream(async () => (await import('@codemirror/legacy-modes/mode/cmake')).cmake);
const docker = stream(async () => (await import('@codemirror/legacy-modes/mode/dockerfile')).dockerFile);
const diff = stream(async () => (await import('@codemirror/legacy-modes/mode/diff')).diff);
const properties = stream(async () => (await import('@codemirror/legacy-modes/mode/properties')).properties);
const gas = stream(async () => (await import('@codemirror/legacy-modes/mode/gas')).gas);
const haskell = stream(async () => (await import('@codemirror/legacy-modes/mode/haskell')).haskell);
const swift = stream(async () => (await import('@codemirror/legacy-modes/mode/swift')).swift);
const tcl = stream(async () => (await import('@codemirror/legacy-modes/mode/tcl')).tcl);
const r = stream(async () => (await import('@codemirror/legacy-modes/mode/r')).r);
const powershell = stream(async () => (await import('@codemirror/legacy-modes/mode/powershell')).powerShell);
const pascal = stream(async () => (await import('@codemirror/legacy-modes/mode/pascal')).pascal);
const yara = stream(async () => (await import('./yara')).yara);
const csharp = stream(async () => (await import('@codemirror/legacy-modes/mode/clike')).csharp);
const kotlin = stream(async () => (await import('@codemirror/legacy-modes/mode/clike')).kotlin);
const scala = stream(async () => (await import('@codemirror/legacy-modes/mode/clike')).scala);

// By the name that Universal Ctags gives, in lower case.
const BY_NAME = new Map<string, Load>([
  ['c', cpp],
  ['c++', cpp],
  ['cuda', cpp],
  ['objectivec', cpp],
  ['c#', csharp],
  ['java', java],
  ['kotlin', kotlin],
  ['scala', scala],
  ['python', python],
  ['rust', rust],
  ['go', go],
  ['javascript', script],
  ['typescript', typed],
  ['html', html],
  ['css', css],
  ['scss', css],
  ['json', json],
  ['markdown', markdown],
  ['sql', sql],
  ['xml', xml],
  ['svg', xml],
  ['yaml', yaml],
  ['yara', yara],
  ['sh', shell],
  ['ruby', ruby],
  ['perl', perl],
  ['lua', lua],
  ['toml', toml],
  ['cmake', cmake],
  ['dockerfile', docker],
  ['diff', diff],
  ['asm', gas],
  ['haskell', haskell],
  ['tcl', tcl],
  ['r', r],
  ['powershell', powershell],
  ['pascal', pascal],
  ['iniconf', properties],
  ['make', shell],
]);

const BY_END = new Map<string, Load>([
  ['c', cpp], ['h', cpp], ['cc', cpp], ['cpp', cpp], ['cxx', cpp], ['hh', cpp], ['hpp', cpp],
  ['java', java], ['kt', kotlin], ['scala', scala], ['cs', csharp], ['py', python], ['pyi', python], ['rs', rust], ['go', go],
  ['js', script], ['mjs', script], ['cjs', script], ['jsx', script], ['ts', typed], ['mts', typed], ['tsx', typedJsx],
  ['html', html], ['htm', html], ['css', css], ['scss', css], ['json', json], ['md', markdown], ['markdown', markdown],
  ['sql', sql], ['xml', xml], ['svg', xml], ['xsl', xml], ['yaml', yaml], ['yml', yaml], ['sh', shell], ['bash', shell],
  ['rb', ruby], ['pl', perl], ['pm', perl], ['lua', lua], ['toml', toml], ['cmake', cmake], ['diff', diff], ['patch', diff],
  ['ini', properties], ['conf', properties], ['properties', properties], ['s', gas], ['hs', haskell], ['swift', swift],
  ['tcl', tcl], ['r', r], ['ps1', powershell], ['pas', pascal], ['mk', shell],
]);

const BY_FILE = new Map<string, Load>([
  ['makefile', shell],
  ['gnumakefile', shell],
  ['dockerfile', docker],
  ['cmakelists.txt', cmake],
  ['meson.build', python],
  ['meson_options.txt', python],
]);

/** The grammar for a file; null when there is none. A grammar that cannot be loaded is none. */
export async function grammar(language: string | null, path: string): Promise<Extension | null> {
  const file = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const end = file.includes('.') ? file.slice(file.lastIndexOf('.') + 1) : '';
  const load = BY_FILE.get(file) ?? (end === 'tsx' ? typedJsx : undefined) ?? BY_NAME.get((language ?? '').toLowerCase()) ?? BY_END.get(end);
  if (load === undefined) return null;
  try {
    return await load();
  } catch {
    return null; // the file is shown without colours
  }
}
