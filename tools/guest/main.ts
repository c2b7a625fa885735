/**
 * Builds the guest and prints where it is: `npx tsx tools/guest/main.ts [--force] [--mirror URL] [--suite NAME]
 * [--kernel FILE --busybox FILE [--modules DIR]]`. stdout gets two lines, the kernel's path and the initramfs's.
 */

import { parseArgs } from 'node:util'
import { PCError } from '../../src/errors.ts'
import { buildGuest } from './build-guest.ts'
import { cacheDirectory } from './cache.ts'
import { runCommand } from './command-line.ts'

const USAGE =
  'tools/guest/main.ts [--force] [--mirror URL] [--suite NAME] [--kernel FILE --busybox FILE [--modules DIR]]'

await runCommand(async onProgress => {
  const guest = await buildGuest({ cache: cacheDirectory(), onProgress, ...parseOptions() })
  return { messages: [`guest: ${guest.version}`], results: [guest.kernel, guest.initrd] }
})

function parseOptions() {
  try {
    const { values } = parseArgs({
      options: {
        force: { type: 'boolean' },
        mirror: { type: 'string' },
        suite: { type: 'string' },
        kernel: { type: 'string' },
        busybox: { type: 'string' },
        modules: { type: 'string' },
      },
    })
    return values
  } catch (error) {
    throw new PCError('usage', error instanceof Error ? error.message : String(error), `Usage: ${USAGE}`)
  }
}
