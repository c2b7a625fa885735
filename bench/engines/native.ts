/** The host CPU itself, as a lower bound of time: a host shell runs the same 32-bit programs. */
import { release } from 'node:os'
import { READY_MARKER } from '../serial-markers.ts'
import type { Engine } from './engine.ts'

export const native: Engine = {
  name: 'native',
  boots: false,
  unavailable: () =>
    process.platform === 'linux' && process.arch === 'x64' ? null : 'needs an x86-64 Linux host to run i386 programs',
  version: () => `Linux ${release()}`,
  launch: guest => ({
    command: 'sh',
    args: ['-c', `echo ${READY_MARKER}; exec sh`],
    programs: guest.hostPrograms
  })
}
