/**
 * Three-byte opcodes 0F 38 xx: SSSE3, SSE4.1, SSE4.2, AES, MOVBE, CRC32. `operandSize` of CRC32 is its source's size.
 * Source: Intel SDM volume 2, table A-4 and the instruction pages.
 */
export const map0f38Rows = `
NP 0F 38 00  PSHUFB       Pq_Qq
66 0F 38 00  PSHUFB       Vdq_Wdq
NP 0F 38 01  PHADDW       Pq_Qq
66 0F 38 01  PHADDW       Vdq_Wdq
NP 0F 38 02  PHADDD       Pq_Qq
66 0F 38 02  PHADDD       Vdq_Wdq
NP 0F 38 03  PHADDSW      Pq_Qq
66 0F 38 03  PHADDSW      Vdq_Wdq
NP 0F 38 04  PMADDUBSW    Pq_Qq
66 0F 38 04  PMADDUBSW    Vdq_Wdq
NP 0F 38 05  PHSUBW       Pq_Qq
66 0F 38 05  PHSUBW       Vdq_Wdq
NP 0F 38 06  PHSUBD       Pq_Qq
66 0F 38 06  PHSUBD       Vdq_Wdq
NP 0F 38 07  PHSUBSW      Pq_Qq
66 0F 38 07  PHSUBSW      Vdq_Wdq
NP 0F 38 08  PSIGNB       Pq_Qq
66 0F 38 08  PSIGNB       Vdq_Wdq
NP 0F 38 09  PSIGNW       Pq_Qq
66 0F 38 09  PSIGNW       Vdq_Wdq
NP 0F 38 0A  PSIGND       Pq_Qq
66 0F 38 0A  PSIGND       Vdq_Wdq
NP 0F 38 0B  PMULHRSW     Pq_Qq
66 0F 38 0B  PMULHRSW     Vdq_Wdq
66 0F 38 10  PBLENDVB     Vdq_Wdq
66 0F 38 14  BLENDVPS     Vps_Wps
66 0F 38 15  BLENDVPD     Vpd_Wpd
66 0F 38 17  PTEST        Vdq_Wdq
NP 0F 38 1C  PABSB        Pq_Qq
66 0F 38 1C  PABSB        Vdq_Wdq
NP 0F 38 1D  PABSW        Pq_Qq
66 0F 38 1D  PABSW        Vdq_Wdq
NP 0F 38 1E  PABSD        Pq_Qq
66 0F 38 1E  PABSD        Vdq_Wdq
66 0F 38 20  PMOVSXBW     Vdq_Wq
66 0F 38 21  PMOVSXBD     Vdq_Wd
66 0F 38 22  PMOVSXBQ     Vdq_Ww
66 0F 38 23  PMOVSXWD     Vdq_Wq
66 0F 38 24  PMOVSXWQ     Vdq_Wd
66 0F 38 25  PMOVSXDQ     Vdq_Wq
66 0F 38 28  PMULDQ       Vdq_Wdq
66 0F 38 29  PCMPEQQ      Vdq_Wdq
66 0F 38 2A  MOVNTDQA     Vdq_Mdq
66 0F 38 2B  PACKUSDW     Vdq_Wdq
66 0F 38 30  PMOVZXBW     Vdq_Wq
66 0F 38 31  PMOVZXBD     Vdq_Wd
66 0F 38 32  PMOVZXBQ     Vdq_Ww
66 0F 38 33  PMOVZXWD     Vdq_Wq
66 0F 38 34  PMOVZXWQ     Vdq_Wd
66 0F 38 35  PMOVZXDQ     Vdq_Wq
66 0F 38 37  PCMPGTQ      Vdq_Wdq
66 0F 38 38  PMINSB       Vdq_Wdq
66 0F 38 39  PMINSD       Vdq_Wdq
66 0F 38 3A  PMINUW       Vdq_Wdq
66 0F 38 3B  PMINUD       Vdq_Wdq
66 0F 38 3C  PMAXSB       Vdq_Wdq
66 0F 38 3D  PMAXSD       Vdq_Wdq
66 0F 38 3E  PMAXUW       Vdq_Wdq
66 0F 38 3F  PMAXUD       Vdq_Wdq
66 0F 38 40  PMULLD       Vdq_Wdq
66 0F 38 41  PHMINPOSUW   Vdq_Wdq
66 0F 38 DB  AESIMC       Vdq_Wdq
66 0F 38 DC  AESENC       Vdq_Wdq
66 0F 38 DD  AESENCLAST   Vdq_Wdq
66 0F 38 DE  AESDEC       Vdq_Wdq
66 0F 38 DF  AESDECLAST   Vdq_Wdq
NFx 0F 38 F0 MOVBE        Gv_Mv
NFx 0F 38 F1 MOVBE        Mv_Gv
F2 0F 38 F0  CRC32        Gy_Eb        o8
F2 0F 38 F1  CRC32        Gy_Ev
`
