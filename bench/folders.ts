/** Where the benchmark keeps what it builds and measures, in the cache directory that the guest builder uses too. */
import { fileURLToPath } from 'node:url'
import { cacheDirectory } from '../tools/guest/cache.ts'

/** Project folder, without a slash at its end. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
const CACHE = cacheDirectory()
/** Programs, initramfs, results: everything of the benchmark itself. */
export const BENCH_CACHE = `${CACHE}/bench`
/** Built guests, a folder each, and the latest as `current`. */
export const GUEST_CACHE = `${CACHE}/guest`
/** Files of other packages, such as firmware. */
export const GUEST_FILES_CACHE = `${CACHE}/guests`
