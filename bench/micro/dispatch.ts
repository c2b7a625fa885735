/** What the interpreter takes from record to record, beside the same code compiled: plain records, links, the jump cache. */
import type { GuestLoop } from './piece.ts'

export const dispatchLoops: readonly GuestLoop[] = [
  {
    name: 'register arithmetic',
    unit: 'instruction',
    units: 10,
    code: `01 d8 ; add eax, ebx
      31 c2 ; xor edx, eax
      8d 34 3e ; lea esi, [esi+edi*1]
      29 f3 ; sub ebx, esi
      83 c7 07 ; add edi, 0x7
      c1 e8 03 ; shr eax, 0x3
      21 d6 ; and esi, edx
      09 c7 ; or edi, eax
      49 ; dec ecx
      75 ea ; jne 0x10000
      f4 ; hlt`
  },
  {
    name: 'direct jumps',
    unit: 'jump',
    units: 4,
    code: `eb 02 ; jmp 0x10004
      90 ; nop
      90 ; nop
      eb 02 ; jmp 0x10008
      90 ; nop
      90 ; nop
      eb 02 ; jmp 0x1000c
      90 ; nop
      90 ; nop
      49 ; dec ecx
      75 f1 ; jne 0x10000
      f4 ; hlt`
  },
  {
    name: 'call and return',
    unit: 'pair',
    units: 1,
    code: `e8 fb 00 00 00 ; call 0x10100
      49 ; dec ecx
      75 f8 ; jne 0x10000
      f4 ; hlt`,
    parts: new Map([[0x1_0100, 'c3 ; ret']])
  }
]
