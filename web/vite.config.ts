// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vite';

// Everything the page needs comes from the site itself; nothing is put inline, so that the
// content security policy can forbid it.
export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: false,
  },
});
