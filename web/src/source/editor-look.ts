// SPDX-License-Identifier: Apache-2.0
// How the code view looks: colours are the variables of styles/source.css, which reach into the shadow tree.
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags as t } from '@lezer/highlight';

const look = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: 'var(--code-size)', maxHeight: 'var(--code-height)', borderRadius: 'inherit' },
  '&.cm-focused': { outline: '3px solid var(--accent)', outlineOffset: '-3px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55', overflow: 'auto' },
  '.cm-content': { padding: '0.4rem 0', caretColor: 'var(--accent)' },
  '.cm-line': { padding: '0 1rem 0 0.6rem' },
  '.cm-gutters': { backgroundColor: 'var(--sunken)', color: 'var(--quiet)', border: 'none', borderInlineEnd: '1px solid var(--line)' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 0.5rem 0 0.6rem', minWidth: '2.6rem', cursor: 'pointer' },
  '.cm-lineNumbers .cm-gutterElement:hover': { color: 'var(--link)' },
  '.cm-activeLineGutter': { backgroundColor: 'var(--accent-ground)', color: 'var(--text)' },
  '.cm-read-gutter': { width: '0.8rem' },
  '.cm-read-gutter .cm-gutterElement': { padding: '0 0.2rem' },
  '.cm-read': { display: 'block', height: '100%', borderRadius: '1px' },
  '.cm-read.ok': { background: 'var(--ok-line)' },
  '.cm-read.many': { background: 'var(--ok)' },
  '.cm-read.concern': { background: 'repeating-linear-gradient(45deg, var(--bad) 0 3px, transparent 3px 5px)' },
  '.cm-comment-gutter': { width: '1.5rem' },
  '.cm-comment-gutter .cm-gutterElement': { display: 'grid', placeItems: 'center', cursor: 'pointer' },
  '.cm-comment': { minWidth: '1.15rem', height: '1.15rem', lineHeight: '1.15rem', padding: '0 0.25rem', borderRadius: '0.6rem 0.6rem 0.6rem 0', background: 'var(--accent)', color: 'var(--on-accent)', fontSize: '0.72rem', fontFamily: 'var(--sans)', textAlign: 'center', fontWeight: '650' },
  '.cm-comment.resolved': { background: 'transparent', color: 'var(--quiet)', boxShadow: 'inset 0 0 0 1px var(--edge)' },
  '.cm-chosen': { backgroundColor: 'color-mix(in oklab, var(--mark) 42%, transparent)', boxShadow: 'inset 3px 0 0 var(--warn-line)' },
  '.cm-selectionMatch': { backgroundColor: 'var(--accent-ground)' },
  '.cm-searchMatch': { backgroundColor: 'var(--mark)', outline: '1px solid var(--warn-line)' },
  '.cm-searchMatch-selected': { backgroundColor: 'var(--warn-line)', color: 'var(--surface)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-ground)', outline: '1px solid var(--accent)' },
  '.cm-hidden': { padding: '0 0.25em', margin: '0 1px', borderRadius: '3px', background: 'var(--bad-ground)', color: 'var(--bad)', border: '1px solid var(--bad-line)', fontSize: '0.82em', fontWeight: '650', unicodeBidi: 'isolate', direction: 'ltr' },
  '.cm-linked .cm-line': { cursor: 'pointer' },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--text)', borderBottom: '1px solid var(--line)', zIndex: '5' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panel.cm-search': { display: 'flex', flexWrap: 'wrap', gap: '0.4rem', alignItems: 'center', padding: '0.5rem 2.6rem 0.5rem 0.7rem', fontFamily: 'var(--sans)', fontSize: '0.9rem' },
  '.cm-panel.cm-search br': { display: 'none' },
  '.cm-panel.cm-search label': { display: 'inline-flex', alignItems: 'center', gap: '0.3rem', minHeight: '24px', fontSize: 'inherit', whiteSpace: 'nowrap' },
  '.cm-panel.cm-search input': { margin: '0' },
  '.cm-panel.cm-search [name=close]': { position: 'absolute', top: '0.4rem', right: '0.4rem', width: '1.9rem', height: '1.9rem', fontSize: '1.3rem', border: 'none', background: 'none', color: 'var(--quiet)', cursor: 'pointer' },
  '.cm-textfield': { minHeight: '1.9rem', padding: '0.15rem 0.5rem', border: '1px solid var(--edge)', borderRadius: '6px', background: 'var(--surface)', color: 'var(--text)', fontSize: 'inherit', minWidth: 'min(16rem, 60vw)' },
  '.cm-button': { minHeight: '1.9rem', padding: '0.1rem 0.7rem', border: '1px solid var(--edge)', borderRadius: '6px', background: 'var(--surface)', backgroundImage: 'none', color: 'var(--text)', fontSize: 'inherit', cursor: 'pointer', textTransform: 'capitalize' },
  '.cm-button:hover': { borderColor: 'var(--accent)' },
  '.cm-button:active': { backgroundImage: 'none' },
  '@media (max-width: 46rem)': {
    '.cm-foldGutter': { display: 'none !important' },
    '.cm-lineNumbers .cm-gutterElement': { padding: '0 0.35rem 0 0.25rem', minWidth: '1.8rem' },
    '.cm-line': { padding: '0 0.4rem' },
  },
  '@media print': {
    '&': { maxHeight: 'none', border: 'none' },
    '.cm-scroller': { overflow: 'visible' },
    '.cm-content': { whiteSpace: 'pre-wrap', flexShrink: '1' },
    '.cm-panels': { display: 'none' },
  },
});

const colours = HighlightStyle.define([
  { tag: [t.keyword, t.modifier, t.controlKeyword, t.operatorKeyword, t.definitionKeyword, t.moduleKeyword], color: 'var(--code-word)' },
  { tag: [t.string, t.special(t.string), t.character, t.regexp, t.attributeValue], color: 'var(--code-string)' },
  { tag: [t.number, t.bool, t.null, t.atom, t.literal], color: 'var(--code-number)' },
  { tag: [t.comment, t.lineComment, t.blockComment, t.docComment], color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: [t.typeName, t.className, t.namespace, t.tagName], color: 'var(--code-type)' },
  { tag: [t.function(t.variableName), t.function(t.propertyName), t.macroName, t.labelName], color: 'var(--code-call)' },
  { tag: [t.propertyName, t.attributeName, t.definition(t.variableName)], color: 'var(--code-name)' },
  { tag: [t.processingInstruction, t.meta, t.annotation], color: 'var(--code-meta)' },
  { tag: t.heading, fontWeight: '700', color: 'var(--code-type)' },
  { tag: t.strong, fontWeight: '700' },
  { tag: t.emphasis, fontStyle: 'italic' },
  { tag: [t.link, t.url], color: 'var(--link)' },
  { tag: t.inserted, color: 'var(--ok)' },
  { tag: t.deleted, color: 'var(--bad)' },
]);

export const editorLook = [look, syntaxHighlighting(colours)];
