/**
 * Three test projects. `npm test` runs `specs`: everything that needs nothing but this repository and the build.
 * `npm run test:web` runs `web`: whole guests in Chromium, and the packed package in fresh projects.
 * `npm run test:guests` runs `guests`: whole operating systems, whose packages are fetched into the cache first.
 */
import { defineConfig } from 'vitest/config'

/** Each file gets a process of its own; machines with 256 MB of guest RAM would crowd each other in one. */
const pool = 'forks'

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'specs',
          include: ['test/specs/**/*.spec.ts', 'test/bugs/**/*.spec.ts'],
          pool,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'web',
          include: ['test/web/**/*.spec.ts'],
          pool,
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'guests',
          include: ['test/guests/**/*.spec.ts'],
          pool,
          // One guest at a time: their marks are host times.
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
