/**
 * Opcode groups: ModR/M.reg (or the whole ModR/M byte) extends the opcode. Rows of the one-byte and of the 0F map.
 * Undocumented members that real processors execute are listed: 82 (alias of 80), shift /6 (SHL), F6/F7 /1 (TEST).
 * Source: Intel SDM volume 2, table A-6.
 */
export const groupRows = `
80 /0     ADD     Eb_Ib      lock
80 /1     OR      Eb_Ib      lock
80 /2     ADC     Eb_Ib      lock
80 /3     SBB     Eb_Ib      lock
80 /4     AND     Eb_Ib      lock
80 /5     SUB     Eb_Ib      lock
80 /6     XOR     Eb_Ib      lock
80 /7     CMP     Eb_Ib
81 /0     ADD     Ev_Iz      lock
81 /1     OR      Ev_Iz      lock
81 /2     ADC     Ev_Iz      lock
81 /3     SBB     Ev_Iz      lock
81 /4     AND     Ev_Iz      lock
81 /5     SUB     Ev_Iz      lock
81 /6     XOR     Ev_Iz      lock
81 /7     CMP     Ev_Iz
82 /0     ADD     Eb_Ib      lock i64
82 /1     OR      Eb_Ib      lock i64
82 /2     ADC     Eb_Ib      lock i64
82 /3     SBB     Eb_Ib      lock i64
82 /4     AND     Eb_Ib      lock i64
82 /5     SUB     Eb_Ib      lock i64
82 /6     XOR     Eb_Ib      lock i64
82 /7     CMP     Eb_Ib      i64
83 /0     ADD     Ev_Ibs     lock
83 /1     OR      Ev_Ibs     lock
83 /2     ADC     Ev_Ibs     lock
83 /3     SBB     Ev_Ibs     lock
83 /4     AND     Ev_Ibs     lock
83 /5     SUB     Ev_Ibs     lock
83 /6     XOR     Ev_Ibs     lock
83 /7     CMP     Ev_Ibs
8F /0     POP     Ev         d64

C0 /0     ROL     Eb_Ib
C0 /1     ROR     Eb_Ib
C0 /2     RCL     Eb_Ib
C0 /3     RCR     Eb_Ib
C0 /4     SHL     Eb_Ib
C0 /5     SHR     Eb_Ib
C0 /6     SHL     Eb_Ib
C0 /7     SAR     Eb_Ib
C1 /0     ROL     Ev_Ib
C1 /1     ROR     Ev_Ib
C1 /2     RCL     Ev_Ib
C1 /3     RCR     Ev_Ib
C1 /4     SHL     Ev_Ib
C1 /5     SHR     Ev_Ib
C1 /6     SHL     Ev_Ib
C1 /7     SAR     Ev_Ib
D0 /0     ROL     Eb_1
D0 /1     ROR     Eb_1
D0 /2     RCL     Eb_1
D0 /3     RCR     Eb_1
D0 /4     SHL     Eb_1
D0 /5     SHR     Eb_1
D0 /6     SHL     Eb_1
D0 /7     SAR     Eb_1
D1 /0     ROL     Ev_1
D1 /1     ROR     Ev_1
D1 /2     RCL     Ev_1
D1 /3     RCR     Ev_1
D1 /4     SHL     Ev_1
D1 /5     SHR     Ev_1
D1 /6     SHL     Ev_1
D1 /7     SAR     Ev_1
D2 /0     ROL     Eb_CL
D2 /1     ROR     Eb_CL
D2 /2     RCL     Eb_CL
D2 /3     RCR     Eb_CL
D2 /4     SHL     Eb_CL
D2 /5     SHR     Eb_CL
D2 /6     SHL     Eb_CL
D2 /7     SAR     Eb_CL
D3 /0     ROL     Ev_CL
D3 /1     ROR     Ev_CL
D3 /2     RCL     Ev_CL
D3 /3     RCR     Ev_CL
D3 /4     SHL     Ev_CL
D3 /5     SHR     Ev_CL
D3 /6     SHL     Ev_CL
D3 /7     SAR     Ev_CL

C6 /0     MOV     Eb_Ib
C7 /0     MOV     Ev_Iz
F6 /0     TEST    Eb_Ib
F6 /1     TEST    Eb_Ib
F6 /2     NOT     Eb         lock
F6 /3     NEG     Eb         lock
F6 /4     MUL     Eb
F6 /5     IMUL    Eb
F6 /6     DIV     Eb
F6 /7     IDIV    Eb
F7 /0     TEST    Ev_Iz
F7 /1     TEST    Ev_Iz
F7 /2     NOT     Ev         lock
F7 /3     NEG     Ev         lock
F7 /4     MUL     Ev
F7 /5     IMUL    Ev
F7 /6     DIV     Ev
F7 /7     IDIV    Ev
FE /0     INC     Eb         lock
FE /1     DEC     Eb         lock
FF /0     INC     Ev         lock
FF /1     DEC     Ev         lock
FF /2     CALL    Ev         f64
FF /3     CALLF   Mp
FF /4     JMP     Ev         f64
FF /5     JMPF    Mp
FF /6     PUSH    Ev         d64

0F 00 /0  SLDT    Rv/Mw
0F 00 /1  STR     Rv/Mw
0F 00 /2  LLDT    Ew         o16
0F 00 /3  LTR     Ew         o16
0F 00 /4  VERR    Ew         o16
0F 00 /5  VERW    Ew         o16
0F 01 /0  SGDT    M          f64
0F 01 /1  SIDT    M          f64
0F 01 /2  LGDT    M          f64
0F 01 /3  LIDT    M          f64
0F 01 /4  SMSW    Rv/Mw
0F 01 /6  LMSW    Ew         o16
0F 01 /7  INVLPG  M
NP 0F 01 C8  MONITOR
NP 0F 01 C9  MWAIT
0F 01 F8  SWAPGS             o64
0F 01 F9  RDTSCP
0F BA /4  BT      Ev_Ib
0F BA /5  BTS     Ev_Ib      lock
0F BA /6  BTR     Ev_Ib      lock
0F BA /7  BTC     Ev_Ib      lock
0F C7 /1  CMPXCHG8B Mq/Mdq   lock
NFx 0F C7 /6  RDRAND Rv

NP 0F AE /0  FXSAVE  M
NP 0F AE /1  FXRSTOR M
NP 0F AE /2  LDMXCSR Md
NP 0F AE /3  STMXCSR Md
NP 0F AE /7 mem  CLFLUSH M
NP 0F AE /5 reg  LFENCE
NP 0F AE /6 reg  MFENCE
NP 0F AE /7 reg  SFENCE

NP 0F 71 /2  PSRLW  Nq_Ib
66 0F 71 /2  PSRLW  Udq_Ib
NP 0F 71 /4  PSRAW  Nq_Ib
66 0F 71 /4  PSRAW  Udq_Ib
NP 0F 71 /6  PSLLW  Nq_Ib
66 0F 71 /6  PSLLW  Udq_Ib
NP 0F 72 /2  PSRLD  Nq_Ib
66 0F 72 /2  PSRLD  Udq_Ib
NP 0F 72 /4  PSRAD  Nq_Ib
66 0F 72 /4  PSRAD  Udq_Ib
NP 0F 72 /6  PSLLD  Nq_Ib
66 0F 72 /6  PSLLD  Udq_Ib
NP 0F 73 /2  PSRLQ  Nq_Ib
66 0F 73 /2  PSRLQ  Udq_Ib
66 0F 73 /3  PSRLDQ Udq_Ib
NP 0F 73 /6  PSLLQ  Nq_Ib
66 0F 73 /6  PSLLQ  Udq_Ib
66 0F 73 /7  PSLLDQ Udq_Ib
`
