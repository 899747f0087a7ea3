// SPDX-License-Identifier: Apache-2.0
/// <reference types="vitest/config" />
import { defineConfig } from 'vite';
import { compressed } from './scripts/compress';

// Where `npx vite` finds the site's answers: a site that runs, or scripts/mock.ts.
const site = process.env['VITRINE_SITE'] ?? 'http://127.0.0.1:8790';
const OF_THE_SITE = ['/api', '/policy', '/checkpoint', '/tile/', '/objects', '/passports', '/tuf', '/add', '/review$', '/staged', '/plain'];

// Everything the page needs comes from the site itself; nothing is put inline, so that the
// content security policy can forbid it.
export default defineConfig({
  plugins: [compressed()],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  server: { proxy: Object.fromEntries(OF_THE_SITE.map((path) => [`^${path}`, { target: site, changeOrigin: true }])) },
  worker: { format: 'es' },
  test: { include: ['src/**/*.test.ts'], testTimeout: 60_000 },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: false,
    // Many small pieces would each cost a request.
    rollupOptions: { output: { experimentalMinChunkSize: 12_000 } },
  },
});
