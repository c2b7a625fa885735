/**
 * One-byte opcodes. Row: opcode, mnemonic, operand form, attributes (see opcode-rows.ts for the notation).
 * Groups are in groups.ts, D8..DF in x87.ts. Source: Intel SDM volume 2, table A-2 and the instruction pages.
 */
export const oneByteRows = `
00        ADD     Eb_Gb      lock
01        ADD     Ev_Gv      lock
02        ADD     Gb_Eb
03        ADD     Gv_Ev
04        ADD     AL_Ib
05        ADD     rAX_Iz
06        PUSH    ES         i64
07        POP     ES         i64
08        OR      Eb_Gb      lock
09        OR      Ev_Gv      lock
0A        OR      Gb_Eb
0B        OR      Gv_Ev
0C        OR      AL_Ib
0D        OR      rAX_Iz
0E        PUSH    CS         i64
10        ADC     Eb_Gb      lock
11        ADC     Ev_Gv      lock
12        ADC     Gb_Eb
13        ADC     Gv_Ev
14        ADC     AL_Ib
15        ADC     rAX_Iz
16        PUSH    SS         i64
17        POP     SS         i64
18        SBB     Eb_Gb      lock
19        SBB     Ev_Gv      lock
1A        SBB     Gb_Eb
1B        SBB     Gv_Ev
1C        SBB     AL_Ib
1D        SBB     rAX_Iz
1E        PUSH    DS         i64
1F        POP     DS         i64
20        AND     Eb_Gb      lock
21        AND     Ev_Gv      lock
22        AND     Gb_Eb
23        AND     Gv_Ev
24        AND     AL_Ib
25        AND     rAX_Iz
27        DAA                i64
28        SUB     Eb_Gb      lock
29        SUB     Ev_Gv      lock
2A        SUB     Gb_Eb
2B        SUB     Gv_Ev
2C        SUB     AL_Ib
2D        SUB     rAX_Iz
2F        DAS                i64
30        XOR     Eb_Gb      lock
31        XOR     Ev_Gv      lock
32        XOR     Gb_Eb
33        XOR     Gv_Ev
34        XOR     AL_Ib
35        XOR     rAX_Iz
37        AAA                i64
38        CMP     Eb_Gb
39        CMP     Ev_Gv
3A        CMP     Gb_Eb
3B        CMP     Gv_Ev
3C        CMP     AL_Ib
3D        CMP     rAX_Iz
3F        AAS                i64
40+r      INC     Zv         i64
48+r      DEC     Zv         i64
50+r      PUSH    Zv         d64
58+r      POP     Zv         d64
60        PUSHA              i64
61        POPA               i64
62        BOUND   Gv_M       i64
63        ARPL    Ew_Gw      i64 o16
63        MOVSXD  Gv_Ez      o64
68        PUSH    Iz         d64
69        IMUL    Gv_Ev_Iz
6A        PUSH    Ibs        d64
6B        IMUL    Gv_Ev_Ibs
6C        INS                string o8
6D        INS                string z
6E        OUTS               string o8
6F        OUTS               string z
70+cc     JCC     Jb         f64
84        TEST    Eb_Gb
85        TEST    Ev_Gv
86        XCHG    Eb_Gb      lock
87        XCHG    Ev_Gv      lock
88        MOV     Eb_Gb
89        MOV     Ev_Gv
8A        MOV     Gb_Eb
8B        MOV     Gv_Ev
8C        MOVSEG  Rv/Mw_Sw
8D        LEA     Gv_M
8E        MOVSEG  Sl_Ew
90        NOP
F3 90     PAUSE
90+r      XCHG    rAX_Zv
98        CBW
99        CWD
9A        CALLF   Ap         i64
9B        WAIT
9C        PUSHF              d64
9D        POPF               d64
9E        SAHF
9F        LAHF
A0        MOV     AL_Ob
A1        MOV     rAX_Ov
A2        MOV     Ob_AL
A3        MOV     Ov_rAX
A4        MOVS               string o8
A5        MOVS               string
A6        CMPS               string o8
A7        CMPS               string
A8        TEST    AL_Ib
A9        TEST    rAX_Iz
AA        STOS               string o8
AB        STOS               string
AC        LODS               string o8
AD        LODS               string
AE        SCAS               string o8
AF        SCAS               string
B0+r      MOV     Zb_Ib
B8+r      MOV     Zv_Iv
C2        RET     Iw         f64
C3        RET                f64
C4        LES     Gv_Mp      i64
C5        LDS     Gv_Mp      i64
C8        ENTER   Iw_Ib      d64
C9        LEAVE              d64
CA        RETF    Iw
CB        RETF
CC        INT3
CD        INT     Ib
CE        INTO               i64
CF        IRET
D4        AAM     Ib         i64
D5        AAD     Ib         i64
D6        SALC               i64
D7        XLAT
E0        LOOPNE  Jb         f64
E1        LOOPE   Jb         f64
E2        LOOP    Jb         f64
E3        JCXZ    Jb         f64
E4        IN      AL_Ib
E5        IN      eAX_Ib     z
E6        OUT     Ib_AL      o8
E7        OUT     Ib_eAX     z
E8        CALL    Jz         f64
E9        JMP     Jz         f64
EA        JMPF    Ap         i64
EB        JMP     Jb         f64
EC        IN      AL_DX
ED        IN      eAX_DX     z
EE        OUT     DX_AL      o8
EF        OUT     DX_eAX     z
F1        INT1
F4        HLT
F5        CMC
F8        CLC
F9        STC
FA        CLI
FB        STI
FC        CLD
FD        STD
`
