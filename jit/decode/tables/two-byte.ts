/**
 * Two-byte opcodes (0F xx) of the general and system instructions. MMX and SSE rows of the same map are in sse.ts,
 * groups in groups.ts. 0F 18..1F are hints: what a processor does not know there is a NOP with an operand.
 * Source: Intel SDM volume 2, table A-3 and the instruction pages.
 */
export const twoByteRows = `
0F 02     LAR     Gv_Ew
0F 03     LSL     Gv_Ew
0F 05     SYSCALL            o64
0F 06     CLTS
0F 07     SYSRET             o64
0F 08     INVD
0F 09     WBINVD
0F 0B     UD2
0F 0D     NOP     Ev
0F 0D /1 mem  PREFETCHW  M
0F 18     NOP     Ev
0F 18 /0 mem  PREFETCHNTA M
0F 18 /1 mem  PREFETCHT0 M
0F 18 /2 mem  PREFETCHT1 M
0F 18 /3 mem  PREFETCHT2 M
0F 19     NOP     Ev
0F 1A     NOP     Ev
0F 1B     NOP     Ev
0F 1C     NOP     Ev
0F 1D     NOP     Ev
0F 1E     NOP     Ev
0F 1F     NOP     Ev
0F 20     MOVCR   Ry_Cy      f64 y
0F 21     MOVDR   Ry_Dy      f64 y
0F 22     MOVCR   Cy_Ry      f64 y
0F 23     MOVDR   Dy_Ry      f64 y
0F 30     WRMSR
0F 31     RDTSC
0F 32     RDMSR
0F 33     RDPMC
0F 34     SYSENTER
0F 35     SYSEXIT
0F 40+cc  CMOVCC  Gv_Ev
0F 80+cc  JCC     Jz         f64
0F 90+cc  SETCC   Eb
0F A0     PUSH    FS         d64
0F A1     POP     FS         d64
0F A2     CPUID
0F A3     BT      Ev_Gv
0F A4     SHLD    Ev_Gv_Ib
0F A5     SHLD    Ev_Gv_CL
0F A8     PUSH    GS         d64
0F A9     POP     GS         d64
0F AA     RSM
0F AB     BTS     Ev_Gv      lock
0F AC     SHRD    Ev_Gv_Ib
0F AD     SHRD    Ev_Gv_CL
0F AF     IMUL    Gv_Ev
0F B0     CMPXCHG Eb_Gb      lock
0F B1     CMPXCHG Ev_Gv      lock
0F B2     LSS     Gv_Mp
0F B3     BTR     Ev_Gv      lock
0F B4     LFS     Gv_Mp
0F B5     LGS     Gv_Mp
0F B6     MOVZX   Gv_Eb
0F B7     MOVZX   Gv_Ew
F3 0F B8  POPCNT  Gv_Ev
0F B9     UD1     Gv_Ev
0F BB     BTC     Ev_Gv      lock
0F BC     BSF     Gv_Ev
0F BD     BSR     Gv_Ev
0F BE     MOVSX   Gv_Eb
0F BF     MOVSX   Gv_Ew
0F C0     XADD    Eb_Gb      lock
0F C1     XADD    Ev_Gv      lock
NP 0F C3  MOVNTI  My_Gy
0F C8+r   BSWAP   Zv
0F FF     UD0     Gv_Ev
`
