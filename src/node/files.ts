/** Reads input files and says in one sentence what is wrong with them. */

import { readFileSync, statSync } from 'node:fs'
import { PCError } from '../errors.ts'
import { MOST_MEMORY_BYTES } from '../memory-size.ts'

/** Most bytes of a saved PC: memory, and as much written to disks again. */
export const MOST_STATE_BYTES = 2 * MOST_MEMORY_BYTES

interface Problem {
  readonly what: string
  readonly hint: string
}

const problems: Readonly<Record<string, Problem>> = {
  ENOENT: { what: 'does not exist', hint: 'check the name and the folder' },
  ENOTDIR: { what: 'does not exist: a part of its path is no folder', hint: 'check the path' },
  EACCES: { what: 'may not be accessed', hint: 'check its permissions' },
  EPERM: { what: 'may not be accessed', hint: 'check its permissions' },
  EISDIR: { what: 'is a folder', hint: 'give a file' },
  EROFS: { what: 'lies on a disk that cannot be written to', hint: 'choose another folder' },
  ENOSPC: { what: 'does not fit: the disk is full', hint: 'make room or choose another folder' },
  ENAMETOOLONG: { what: 'has too long a name', hint: 'check the path' },
}

/** Turns an error of the file system into a `PCError` 'bad-file' about `path`; `role` says what the file is for. */
export function fileProblem(error: unknown, role: string, path: string): PCError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = error instanceof Error ? error.message : String(error)
  const { what, hint } = problems[code] ?? { what: `cannot be used (${code || reason})`, hint: 'check the path' }
  return new PCError('bad-file', `${role} '${path}' ${what}`, hint)
}

/**
 * Reads a file of at least one byte and at most `mostBytes`. `role` says what it is for: 'the kernel'.
 * Throws `PCError` 'bad-file'. Pipes work as well as files.
 */
export function readInputFile(path: string, role: string, mostBytes: number): Uint8Array {
  let bytes: Uint8Array
  try {
    const status = statSync(path)
    if (status.isDirectory()) throw new PCError('bad-file', `${role} '${path}' is a folder`, 'give a file')
    // A device such as /dev/zero never ends.
    if (!status.isFile() && !status.isFIFO()) {
      throw new PCError('bad-file', `${role} '${path}' is a device or a socket`, 'give a file')
    }
    if (status.size > mostBytes) throw tooLarge(role, path, mostBytes)
    bytes = readFileSync(path)
  } catch (error) {
    throw error instanceof PCError ? error : fileProblem(error, role, path)
  }
  if (bytes.length === 0)
    throw new PCError('bad-file', `${role} '${path}' is empty`, 'give a file with something in it')
  if (bytes.length > mostBytes) throw tooLarge(role, path, mostBytes)
  return bytes
}

function tooLarge(role: string, path: string, mostBytes: number): PCError {
  return new PCError(
    'bad-file',
    `${role} '${path}' is larger than the machine's memory of ${mostBytes / 2 ** 20}M`,
    'give the machine more with --memory, or check the file',
  )
}
