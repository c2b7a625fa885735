/** Loads and stores by what they find in the TLB: a hit, hits on many pages, two pages at once, a miss, a page with code. */
import { PAGE_BYTES, TLB_ENTRIES } from '../../runtime/memory-map.ts'
import { Gpr } from '../../runtime/state.ts'
import { CODE, DATA, ELSEWHERE, type CpuBench } from '../../test/specs/cpu/bench.ts'
import type { GuestLoop } from './piece.ts'

/** Two pages this far apart share one entry of the TLB. */
const TLB_REACH = TLB_ENTRIES * PAGE_BYTES
const FOUR_LOADS = `03 06 ; add eax, dword [esi]
      03 03 ; add eax, dword [ebx]
      03 07 ; add eax, dword [edi]
      03 02 ; add eax, dword [edx]
      49 ; dec ecx
      75 f5 ; jne 0x10000
      f4 ; hlt`

function loads(name: string, addresses: readonly number[], map: (cpu: CpuBench) => void = () => {}): GuestLoop {
  return {
    name,
    unit: 'load',
    units: 4,
    code: FOUR_LOADS,
    prepare: cpu => {
      map(cpu)
      for (const [i, register] of [Gpr.Esi, Gpr.Ebx, Gpr.Edi, Gpr.Edx].entries()) cpu.set(register, addresses[i])
    }
  }
}

function store(name: string, address: number): GuestLoop {
  return {
    name,
    unit: 'store',
    units: 4,
    code: `89 06 ; mov dword [esi], eax
      89 46 04 ; mov dword [esi+0x4], eax
      89 46 08 ; mov dword [esi+0x8], eax
      89 46 0c ; mov dword [esi+0xc], eax
      49 ; dec ecx
      75 f2 ; jne 0x10000
      f4 ; hlt`,
    prepare: cpu => cpu.set(Gpr.Esi, address)
  }
}

const ACROSS = DATA + PAGE_BYTES - 2

export const tlbLoops: readonly GuestLoop[] = [
  loads('load, same page', [DATA, DATA + 16, DATA + 32, DATA + 48]),
  loads('load, four pages', [DATA, DATA + PAGE_BYTES, DATA + 2 * PAGE_BYTES, DATA + 3 * PAGE_BYTES]),
  loads('load across two pages', [ACROSS, ACROSS + 1, ACROSS, ACROSS + 1]),
  loads('load, TLB miss', [ELSEWHERE, ELSEWHERE + TLB_REACH, ELSEWHERE, ELSEWHERE + TLB_REACH], cpu => {
    cpu.remap(ELSEWHERE, DATA)
    cpu.remap(ELSEWHERE + TLB_REACH, DATA + PAGE_BYTES)
  }),
  store('store', DATA),
  store('store beside the running code', CODE + PAGE_BYTES / 2)
]
