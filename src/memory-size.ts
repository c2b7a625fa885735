/** Sizes of guest memory as people write them: '256M', '1G', '65536K'. */

import { PAGE_BYTES } from '../runtime/memory-map.ts'
import { PCError } from './errors.ts'

/** Least and most guest RAM, in bytes. */
export const LEAST_MEMORY_BYTES = 1024 ** 2
export const MOST_MEMORY_BYTES = 2 * 1024 ** 3

const units: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, '': 1024 ** 2 }

/**
 * Reads a size of guest RAM: a whole number and K, M or G; without a letter it counts MiB, as for QEMU.
 * Returns bytes, a multiple of 4096. Throws `PCError` 'bad-memory'.
 */
export function parseMemorySize(text: string): number {
  const match = /^(\d+)([KMG]?)(?:i?B)?$/i.exec(text.trim())
  if (!match) {
    throw new PCError('bad-memory', `'${text}' is no memory size`, 'write a number and K, M or G, such as 256M')
  }
  const bytes = Number(match[1]) * units[match[2].toUpperCase()]
  if (bytes < LEAST_MEMORY_BYTES || bytes > MOST_MEMORY_BYTES) {
    const fault = bytes < LEAST_MEMORY_BYTES ? 'too little' : 'too much'
    throw new PCError('bad-memory', `${text} is ${fault} memory`, 'give from 1M to 2G')
  }
  if (bytes % PAGE_BYTES !== 0) {
    throw new PCError('bad-memory', `${text} of memory is not a whole number of 4K pages`, 'give a multiple of 4K')
  }
  return bytes
}
