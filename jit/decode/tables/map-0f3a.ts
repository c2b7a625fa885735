/**
 * Three-byte opcodes 0F 3A xx, all with an immediate byte: SSSE3, SSE4.1, SSE4.2, PCLMULQDQ, AESKEYGENASSIST.
 * Source: Intel SDM volume 2, table A-5 and the instruction pages.
 */
export const map0f3aRows = `
66 0F 3A 08  ROUNDPS      Vps_Wps_Ib
66 0F 3A 09  ROUNDPD      Vpd_Wpd_Ib
66 0F 3A 0A  ROUNDSS      Vss_Wss_Ib
66 0F 3A 0B  ROUNDSD      Vsd_Wsd_Ib
66 0F 3A 0C  BLENDPS      Vps_Wps_Ib
66 0F 3A 0D  BLENDPD      Vpd_Wpd_Ib
66 0F 3A 0E  PBLENDW      Vdq_Wdq_Ib
NP 0F 3A 0F  PALIGNR      Pq_Qq_Ib
66 0F 3A 0F  PALIGNR      Vdq_Wdq_Ib
66 0F 3A 14  PEXTRB       Ry/Mb_Vdq_Ib
66 0F 3A 15  PEXTRW       Ry/Mw_Vdq_Ib
66 0F 3A 16  PEXTRD       Ey_Vdq_Ib
66 0F 3A 17  EXTRACTPS    Ry/Md_Vps_Ib
66 0F 3A 20  PINSRB       Vdq_Ry/Mb_Ib
66 0F 3A 21  INSERTPS     Vps_Wd_Ib
66 0F 3A 22  PINSRD       Vdq_Ey_Ib
66 0F 3A 40  DPPS         Vps_Wps_Ib
66 0F 3A 41  DPPD         Vpd_Wpd_Ib
66 0F 3A 42  MPSADBW      Vdq_Wdq_Ib
66 0F 3A 44  PCLMULQDQ    Vdq_Wdq_Ib
66 0F 3A 60  PCMPESTRM    Vdq_Wdq_Ib
66 0F 3A 61  PCMPESTRI    Vdq_Wdq_Ib
66 0F 3A 62  PCMPISTRM    Vdq_Wdq_Ib
66 0F 3A 63  PCMPISTRI    Vdq_Wdq_Ib
66 0F 3A DF  AESKEYGENASSIST Vdq_Wdq_Ib
`
