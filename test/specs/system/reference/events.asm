; NMI and interrupts that the local APIC sends to its own CPU: when they come, what holds them off, what lets them in
; again, by gates and by task gates; the A20 gate; BOUND; a task switch with debug registers and T.

%include "probe.inc"

APIC      equ 0xfee00000
ID        equ 0x20
TPR       equ 0x80
PPR       equ 0xa0
EOI       equ 0xb0
SPURIOUS  equ 0xf0
ISR       equ 0x100
IRR       equ 0x200
ESR       equ 0x280
ICR       equ 0x300
ICR_HIGH  equ 0x310
LVT_TIMER equ 0x320
LVT_LINT0 equ 0x350
LVT_LINT1 equ 0x360
LVT_ERROR equ 0x370

NMI       equ 0x4400           ; ICR: physical destination, assert, NMI
FIXED     equ 0x4000
SELF      equ 0x44000          ; shorthand: self, fixed

VECTOR_LOW  equ 0x51
VECTOR_MID  equ 0x62
VECTOR_HIGH equ 0x73

%macro SEND 1
  mov dword [APIC + ICR], %1
%endmacro

; What the handlers have written down: a letter for each event.
%macro SAY 1
  push eax
  mov al, %1
  out 0xe9, al
  pop eax
%endmacro

%macro HANDLER 2               ; vector, handler
  mov eax, %2
  mov [idt + %1 * 8], ax
  shr eax, 16
  mov [idt + %1 * 8 + 6], ax
%endmacro

main:
  mov ecx, 0x1b
  rdmsr
  or eax, 0x800
  wrmsr
  mov dword [APIC + SPURIOUS], 0x1ff
  mov dword [APIC + TPR], 0
  mov dword [APIC + LVT_LINT0], 0x10000
  mov dword [APIC + LVT_LINT1], 0x10000
  mov eax, [APIC + ID]
  and eax, 0xff000000
  mov [APIC + ICR_HIGH], eax
  POLICY RETURN

  ; --- NMI
  TEST "NMI"
    SEND NMI
    nop
    inc ebx
  END
  TEST "NMI with IF"
    sti
    nop
    SEND NMI
    nop
    inc ebx
  END
  HANDLER 2, nested
  TEST "NMI in the handler of NMI waits for IRET"
    SEND NMI
    nop
    inc ebx
  END
  HANDLER 2, twice
  TEST "two NMIs in the handler are one"
    SEND NMI
    nop
    inc ebx
  END
  HANDLER 2, with_interrupt
  TEST "INT and its IRET in the handler let the next one in"
    SEND NMI
    nop
    inc ebx
  END
  HANDLER 2, with_fault
  TEST "a fault in the handler does not let it in, the IRET behind it does"
    SEND NMI
    nop
    inc ebx
  END
  HANDLER 2, popping
  TEST "a return without IRET leaves it closed"
    SEND NMI
    nop
    SEND NMI
    nop
    SAY 'b'
    pushfd
    push cs
    push dword .opened
    iretd
  .opened:
    SAY 'c'
  END
  HANDLER 2, simple
  POLICY RESUME
  TEST3 "NMI from level 3"
    mov eax, [nmi_command]
    mov [APIC + ICR], eax
    nop
    inc ebx
  END3
  POLICY RETURN
  ; --- through a task gate
  DESCRIPTOR FREE, other_tss, 0x67, 0x89, 0
  GATE FREE + 8, FREE, 0, 0x85, 0
  call fill_task
  mov dword [other_tss + 0x20], task_nmi
  mov eax, [idt + 16]
  mov edx, [idt + 20]
  push eax
  push edx
  mov dword [idt + 16], FREE << 16
  mov dword [idt + 20], 0x8500
  TEST "NMI through a task gate"
    SEND NMI
    nop
    inc ebx
  END
  TEST "and again"
    SEND NMI
    nop
    inc ebx
  END
  pop edx
  pop eax
  mov [idt + 16], eax
  mov [idt + 20], edx

  ; --- fixed interrupts
  HANDLER VECTOR_LOW, fixed_low
  HANDLER VECTOR_MID, fixed_mid
  HANDLER VECTOR_HIGH, fixed_high
  TEST "an interrupt to itself waits for IF"
    SEND SELF | VECTOR_LOW
    SAY '.'
    mov ecx, [APIC + IRR + 0x20]
    sti
    nop
    SAY '.'
  END
  TEST "STI holds it off for one instruction"
    SEND SELF | VECTOR_LOW
    sti
    SAY '.'
    SAY ':'
  END
  TEST "STI again does not hold it off again"
    SEND SELF | VECTOR_LOW
    sti
    sti
    SAY '.'
  END
  TEST "STI and CLI: none"
    SEND SELF | VECTOR_LOW
    sti
    cli
    SAY '.'
    sti
    nop
  END
  TEST "MOV SS holds it off"
    sti
    nop
    SEND SELF | VECTOR_LOW
    mov ax, ss
    mov ss, ax
    SAY '.'
  END
  TEST "POPF does not"
    SEND SELF | VECTOR_LOW
    push dword 0x202
    popfd
    SAY '.'
  END
  TEST "IRET does not"
    SEND SELF | VECTOR_LOW
    push dword 0x202
    push cs
    push dword .here
    iretd
  .here:
    SAY '.'
  END
  TEST "HLT behind STI is woken"
    SEND SELF | VECTOR_LOW
    sti
    hlt
    SAY '.'
  END
  TEST "the higher one first"
    SEND SELF | VECTOR_LOW
    SEND SELF | VECTOR_HIGH
    SEND SELF | VECTOR_MID
    sti
    nop
    SAY '.'
  END
  TEST "one of a vector at a time"
    SEND SELF | VECTOR_LOW
    SEND SELF | VECTOR_LOW
    sti
    nop
    SAY '.'
  END
  HANDLER VECTOR_LOW, interruptible
  TEST "a handler is interrupted by a higher one, not by its own"
    SEND SELF | VECTOR_LOW
    sti
    nop
    SAY '.'
  END
  HANDLER VECTOR_LOW, fixed_low
  TEST "TPR holds back its class and those below"
    mov dword [APIC + TPR], 0x60
    SEND SELF | VECTOR_LOW
    SEND SELF | VECTOR_MID
    SEND SELF | VECTOR_HIGH
    sti
    nop
    SAY '.'
    mov ecx, [APIC + PPR]
    mov dword [APIC + TPR], 0x5f
    nop
    SAY '.'
    mov dword [APIC + TPR], 0
    nop
    SAY '.'
  END
  TEST "TPR by sub-class: 6F as 60"
    mov dword [APIC + TPR], 0x6f
    SEND SELF | VECTOR_HIGH
    SEND SELF | VECTOR_MID
    sti
    nop
    SAY '.'
    mov dword [APIC + TPR], 0
    nop
  END
  HANDLER VECTOR_MID, looking
  TEST "ISR, PPR and IRR in a handler"
    SEND SELF | VECTOR_MID
    SEND SELF | VECTOR_LOW
    sti
    nop
    SAY '.'
  END
  HANDLER VECTOR_MID, fixed_mid
  TEST "the physical destination of another: none"
    mov eax, [APIC + ID]
    add eax, 0x01000000
    mov [APIC + ICR_HIGH], eax
    SEND FIXED | VECTOR_MID
    sti
    nop
    SAY '.'
    sub eax, 0x01000000
    mov [APIC + ICR_HIGH], eax
    xor eax, eax
  END
  TEST "all but itself: none; all with itself: one"
    SEND 0xc4000 | VECTOR_MID
    sti
    nop
    SAY '.'
    SEND 0x84000 | VECTOR_MID
    nop
    SAY '.'
  END
  TEST "INIT and start-up for all others: nothing"
    SEND 0xc4500
    SEND 0xc8500
    SEND 0xc4608
    mov eax, [APIC + ICR]
    and eax, 0xfff
  END
  TEST "an illegal vector to itself is an error"
    mov dword [APIC + ESR], 0
    SEND SELF | 5
    sti
    nop
    SAY '.'
    cli
    mov dword [APIC + ESR], 0
    mov eax, [APIC + ESR]
    mov dword [APIC + ESR], 0
    mov ecx, [APIC + ESR]
  END
  TEST "registers that do not exist read as zero"
    mov eax, [APIC + 0x40]
    mov ecx, [APIC + 0x3f0 - 0x20]
    mov edx, [APIC + 0x70]
  END
  TEST "the timer once, at the shortest"
    mov dword [APIC + 0x3e0], 0xb
    mov dword [APIC + LVT_TIMER], VECTOR_MID
    mov dword [APIC + 0x380], 1
    sti
    hlt
    SAY '.'
    mov eax, [APIC + 0x390]
    mov dword [APIC + LVT_TIMER], 0x10000
  END
  TEST "a masked timer counts, and calls nobody"
    mov dword [APIC + 0x380], 1
    sti
    mov ecx, 1000
  .wait:
    loop .wait
    cli
    mov eax, [APIC + 0x390]
    mov ecx, [APIC + IRR + 0x30]
  END
  TEST "the APIC disabled by SVR: LVTs are masked and stay so"
    mov dword [APIC + LVT_TIMER], VECTOR_MID
    mov dword [APIC + SPURIOUS], 0xff
    mov eax, [APIC + LVT_TIMER]
    mov dword [APIC + LVT_TIMER], VECTOR_MID
    mov ecx, [APIC + LVT_TIMER]
    mov dword [APIC + SPURIOUS], 0x1ff
    mov edx, [APIC + LVT_TIMER]
    mov dword [APIC + LVT_TIMER], 0x10000
  END
  TEST "EOI with nothing in service"
    mov dword [APIC + EOI], 0
    mov eax, [APIC + ISR + 0x20]
  END
  TEST "logical destination, flat model"
    mov dword [APIC + 0xe0], 0xffffffff
    mov dword [APIC + 0xd0], 0x04000000
    mov ecx, [APIC + ICR_HIGH]
    mov dword [APIC + ICR_HIGH], 0x06000000
    SEND FIXED | 0x800 | VECTOR_MID
    sti
    nop
    SAY '.'
    mov dword [APIC + ICR_HIGH], 0x02000000
    SEND FIXED | 0x800 | VECTOR_MID
    nop
    SAY '.'
    mov [APIC + ICR_HIGH], ecx
    mov ecx, 0x22222222
  END
  TEST "an interrupt while a far pointer faults: the fault is first"
    sti
    nop
    SEND SELF | VECTOR_LOW
    SAY '.'
    cli
    mov dword [policy], RESUME
    SEND SELF | VECTOR_MID
    sti
    ud2
  END

  ; --- BOUND
  mov dword [bounds], -5
  mov dword [bounds + 4], 7
  TEST "BOUND: lower"
    mov eax, -5
    bound eax, [bounds]
  END
  TEST "BOUND: upper"
    mov eax, 7
    bound eax, [bounds]
  END
  TEST "BOUND: below"
    mov eax, -6
    bound eax, [bounds]
  END
  TEST "BOUND: above"
    mov eax, 8
    bound eax, [bounds]
  END
  TEST "BOUND: 16 bits"
    mov eax, 0x1fffb
    bound ax, [bounds]
  END
  TEST "BOUND: 16 bits, upper is the high half of the first dword"
    mov eax, 0x10000
    bound ax, [bounds]
  END
  TEST3 "level 3: BOUND needs no right to the gate"
    mov eax, 100
    bound eax, [bounds]
  END3
  TEST3 "level 3: INTO needs one", 0x802
    into
  END3
  TEST "BOUND of a register"
    db 0x62, 0xc0
  END
  ; --- the T bit and the debug registers in a task switch
  call fill_task
  mov dword [other_tss + 0x20], task_returns
  mov word [other_tss + 0x64], 1
  mov byte [gdt + FREE + 5], 0x89
  TEST "a task with the T bit"
    call FREE:0
  END
  mov byte [gdt + TSS_MAIN + 5], 0x89
  mov ax, TSS_MAIN
  ltr ax
  mov word [other_tss + 0x64], 0
  call fill_task
  mov dword [other_tss + 0x20], task_returns
  mov byte [gdt + FREE + 5], 0x89
  TEST "a task switch clears the local bits of DR7"
    mov eax, 0x7ff
    mov dr7, eax
    call FREE:0
    mov eax, dr7
    mov ebx, 0x400
    mov dr7, ebx
  END
  ; --- A20
  mov esi, below
  mov edi, 0x8000
  mov ecx, below_end - below
  rep movsb
  TEST "A20 off: the second megabyte is the first"
    mov edi, 0x500
    call 0x8000
  END
  TEST "A20 off: and the third and fourth"
    mov edi, 0x700000
    call 0x8000
  END
  ret

; Writes in the even megabyte, with A20 off in the odd one, and reads both with it on. ECX EDX: what is there.
below:
  in al, 0x92
  and al, 0xfc
  mov dword [edi], 0x11223344
  mov dword [edi + 0x100000], 0x55667788
  out 0x92, al
  mov ebx, [edi + 0x100000]
  mov dword [edi + 0x100004], 0x99aabbcc
  mov dword [edi + 4], 0xddeeff00
  or al, 2
  out 0x92, al
  mov ecx, [edi + 4]
  mov edx, [edi + 0x100000]
  mov esi, 0x66666666
  xor eax, eax
  ret
below_end:

simple:
  SAY 'N'
  iretd

nested:
  SAY '['
  cmp byte [depth], 0
  jne .end
  inc byte [depth]
  SEND NMI
  nop
  SAY '-'
.end:
  SAY ']'
  iretd

twice:
  SAY '['
  cmp byte [depth], 2
  jae .end
  mov byte [depth], 2
  SEND NMI
  SEND NMI
  SEND NMI
  SAY '-'
.end:
  SAY ']'
  iretd

with_interrupt:
  SAY '['
  cmp byte [depth], 4
  jae .end
  mov byte [depth], 4
  SEND NMI
  nop
  SAY '-'
  int 0x70
  SAY '+'
.end:
  SAY ']'
  iretd

with_fault:
  SAY '['
  cmp byte [depth], 6
  jae .end
  mov byte [depth], 6
  SEND NMI
  mov dword [policy], SKIP
  mov dword [skip], 2
  SAY '-'
  ud2
  SAY '+'
  mov dword [policy], RETURN
.end:
  SAY ']'
  iretd

; Drops its frame and jumps back.
popping:
  SAY '['
  pop dword [return_address]
  add esp, 8
  SAY ']'
  jmp [return_address]

%macro FIXED_HANDLER 2
%1:
  SAY %2
  mov dword [APIC + EOI], 0
  iretd
%endmacro
FIXED_HANDLER fixed_low, 'L'
FIXED_HANDLER fixed_mid, 'M'
FIXED_HANDLER fixed_high, 'H'

interruptible:
  SAY '('
  cmp byte [depth], 8
  jae .end
  mov byte [depth], 8
  SEND SELF | VECTOR_LOW
  SEND SELF | VECTOR_HIGH
  sti
  nop
  SAY '-'
  cli
.end:
  SAY ')'
  mov dword [APIC + EOI], 0
  iretd

looking:
  mov ecx, [APIC + ISR + 0x30]
  mov edx, [APIC + PPR]
  mov ebx, [APIC + IRR + 0x20]
  mov esi, [APIC + IRR + 0x30]
  mov dword [APIC + EOI], 0
  mov edi, [APIC + ISR + 0x30]
  iretd

fill_task:
  mov edi, other_tss
  mov ecx, 26
  xor eax, eax
  rep stosd
  mov dword [other_tss + 0x24], 2
  mov dword [other_tss + 0x38], 0x1c0000
  mov word [other_tss + 0x48], DATA0
  mov word [other_tss + 0x4c], CODE0
  mov word [other_tss + 0x50], DATA0
  mov word [other_tss + 0x54], DATA0
  ret

task_nmi:
  SAY '{'
  pushfd
  pop eax
  call print_dword
  SAY '}'
  iretd
  jmp task_nmi

task_returns:
  SAY '{'
  mov eax, dr7
  call print_dword
  SAY '}'
  iretd
  jmp task_returns

align 64
nmi_command dd NMI
bounds dd 0, 0
return_address dd 0
depth db 0
align 64
other_tss times 0x68 db 0
