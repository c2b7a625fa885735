/**
 * From one compiled region to another: out of the function, through the jump cache, into the other by the dispatcher.
 * Regions of one block each make every jump such a hop; beside them, the same code as one region.
 */
import { Gpr } from '../../runtime/state.ts'
import type { GuestLoop } from './piece.ts'

const FAR_PART = 0x1_1000

const direct: Omit<GuestLoop, 'name'> = {
  unit: 'jump',
  units: 3,
  code: `e9 fb 0f 00 00 ; jmp 0x11000
    49 ; dec ecx
    75 f8 ; jne 0x10000
    f4 ; hlt`,
  parts: new Map([[FAR_PART, '42 ; inc edx\ne9 ff ef ff ff ; jmp 0x10005']])
}

export const hopLoops: readonly GuestLoop[] = [
  { ...direct, name: 'direct jumps, one region' },
  { ...direct, name: 'direct jumps, three regions', blocks: 1, regions: 3 },
  {
    name: 'jumps through registers, three regions',
    unit: 'jump',
    units: 3,
    code: `ff e6 ; jmp esi
      49 ; dec ecx
      75 fb ; jne 0x10000
      f4 ; hlt`,
    parts: new Map([[FAR_PART, '42 ; inc edx\nff e7 ; jmp edi']]),
    prepare: cpu => {
      cpu.set(Gpr.Esi, FAR_PART)
      cpu.set(Gpr.Edi, 0x1_0002)
    },
    blocks: 1,
    regions: 3
  }
]
