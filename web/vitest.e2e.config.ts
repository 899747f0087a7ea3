// SPDX-License-Identifier: Apache-2.0
// The page in a real browser against a running site: tests/e2e/centre starts both.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/*.test.ts'],
    fileParallelism: false,
    sequence: { shuffle: false },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    bail: 1,
    reporters: ['verbose'],
  },
});
