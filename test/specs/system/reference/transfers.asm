; Far jumps, calls, returns, interrupts and task switches: descriptors of every type, gates, privilege levels, stacks.

%include "probe.inc"

SEL    equ FREE
GATE_S equ FREE + 8
CONF   equ FREE + 24
ABSENT equ FREE + 32
SS_BAD equ FREE + 40
TSS2   equ FREE + 48
TSS16  equ FREE + 56
TGATE  equ FREE + 64
CODE1  equ FREE + 72
DATA1  equ FREE + 80
LDT_S  equ FREE + 88
NARROW  equ FREE + 96
TSS3    equ FREE + 104

%macro FOR_ACCESS 1
  mov dword [access], %1
%%next:
  mov esi, text_access
  call print
  mov al, [access]
  call print_byte
  mov al, ' '
  call putc
%push loop
%define %$again %%next
%endmacro

; Available TSSs are left to the task switches below.
%macro NEXT_ACCESS 1
%%skip:
  inc dword [access]
  mov al, [access]
  and al, 0x17
  cmp al, 1
  je %%skip
  cmp dword [access], %1
  jb %$again
%pop
%endmacro

main:
  ; 16-bit gates lead to the first 64 KiB, which are full of INT 42h
  mov edi, 0x1000
  mov ecx, 0xf000 / 2
  mov ax, 0x42cd
  rep stosw
  DESCRIPTOR CODE1, 0, 0xfffff, 0xbb, 0xc0
  DESCRIPTOR DATA1, 0, 0xfffff, 0xb3, 0xc0
  DESCRIPTOR CONF, 0, 0xfffff, 0x9f, 0xc0
  DESCRIPTOR ABSENT, 0, 0xfffff, 0x1b, 0xc0
  DESCRIPTOR NARROW, 0, 0xfff, 0x9b, 0x40
  mov dword [tss + 12], 0x1c0000   ; ESP1
  mov dword [tss + 16], DATA1 | 1

  ; vector 4A goes to level 1
  mov eax, [idt + 0x4a * 8]
  mov edx, [idt + 0x4a * 8 + 4]
  and eax, 0xffff
  or eax, CODE1 << 16
  mov [idt + 0x4a * 8], eax

  ; direct transfers to every type; a code segment is left again by INT
  FOR_ACCESS 0
  DESCRIPTOR SEL, 0, 0xfffff, [access], 0xc0
  TEST "jmp far, rpl 0"
    jmp SEL:.j0
.j0:
    int 0x42
  END
  TEST "jmp far, rpl 3"
    jmp (SEL | 3):.j1
.j1:
    int 0x42
  END
  TEST "call far, rpl 0"
    call SEL:.c0
.c0:
    int 0x42
  END
  TEST3 "level 3: jmp far, rpl 3"
    jmp (SEL | 3):.j3
.j3:
    int 0x42
  END3
  TEST3 "level 3: call far, rpl 0"
    call SEL:.c3
.c3:
    int 0x42
  END3
  TEST "retf, rpl 0"
    push dword SEL
    push dword .r0
    retf
.r0:
    int 0x42
  END
  TEST "retf, rpl 3"
    push dword DATA3
    push dword STACK3
    push dword SEL | 3
    push dword .r3
    retf
.r3:
    int 0x42
  END
  TEST "iretd, rpl 1"
    push dword DATA1 | 1
    push dword STACK3
    push dword 0x3002
    push dword SEL | 1
    push dword .i1
    iretd
.i1:
    int 0x42
  END
  TEST "retf, ss"
    push dword SEL | 3
    push dword STACK3
    push dword CODE3
    push dword .s3
    retf
.s3:
    int 0x42
  END
  ; a call gate of this type to CODE0; as a segment it would lead anywhere
  test byte [access], 0x10
  jnz .segments
  GATE GATE_S, CODE0, .gated, [access], 0
  TEST "call gate type"
    call GATE_S:0
.gated:
    int 0x42
  END
  TEST3 "level 3: call gate type"
    call (GATE_S | 3):0
  END3
  TEST "jmp gate type"
    jmp GATE_S:0
  END
  ; as an interrupt gate
  mov ebx, [gdt + GATE_S]
  mov ecx, [gdt + GATE_S + 4]
  mov [idt + 0x43 * 8], ebx
  mov [idt + 0x43 * 8 + 4], ecx
  TEST "int through the type"
    int 0x43
  END
  TEST3 "level 3: int through the type"
    int 0x43
  END3
.segments:
  ; the target of a call gate, and of an interrupt gate
  GATE GATE_S, SEL, .target, 0xec, 0
  TEST "call gate to the type"
    call GATE_S:0
.target:
    int 0x42
  END
  TEST3 "level 3: call gate to the type"
    call (GATE_S | 3):0
  END3
  TEST3 "level 3: jmp gate to the type"
    jmp (GATE_S | 3):0
  END3
  GATE GATE_S, SEL, .target, 0xee, 0
  mov ebx, [gdt + GATE_S]
  mov ecx, [gdt + GATE_S + 4]
  mov [idt + 0x43 * 8], ebx
  mov [idt + 0x43 * 8 + 4], ecx
  TEST "int to the type"
    int 0x43
  END
  TEST3 "level 3: int to the type"
    int 0x43
  END3
  ; SS1 of the TSS
  mov dword [tss + 16], SEL | 1
  TEST3 "level 3: inner stack of the type"
    int 0x4a
  END3
  mov dword [tss + 16], DATA1 | 1
  NEXT_ACCESS 256

  TEST "null selectors"
    POLICY RESUME
    jmp 0:0
  END
  TEST "call null"
    call 3:0
  END
  TEST "jmp beyond the GDT"
    jmp 0xfff8:0
  END
  TEST "jmp beyond the limit"
    jmp NARROW:0x1000
  END
  TEST "call beyond the limit"
    call NARROW:0x1000
  END
  TEST "retf null"
    push dword 0
    push dword 0
    retf
  END
  TEST3 "level 3: retf to level 0"
    push dword CODE0
    push dword 0
    retf
  END3
  TEST "retf 16 to level 3 releases on both stacks"
    mov eax, esp
    push dword DATA3
    push dword STACK3
    times 4 push dword 0
    push dword CODE3
    push dword .released
    retf 16
.released:
    int 0x42
  END
  TEST "retf nulls data segments that level 3 may not use"
    push dword DATA3
    push dword STACK3
    push dword CODE3
    push dword .nulled
    mov ax, CONF
    mov es, ax
    mov ax, DATA3
    mov fs, ax
    retf
.nulled:
    mov ecx, ds
    mov edx, es
    mov ebx, fs
    mov ebp, gs
    int 0x42
  END
  TEST "iretd to level 3 takes IOPL, IF, AC, ID, NT from the image"
    push dword DATA3
    push dword STACK3
    push dword 0x247fd7 & ~0x100
    push dword CODE3
    push dword .flags
    iretd
.flags:
    int 0x42
  END
  TEST3 "level 3: iretd keeps IOPL and IF", 0x202
    push dword DATA3
    push dword STACK3
    push dword 0x3cd5 | 0x240000
    push dword CODE3
    push dword .flags3
    iretd
.flags3:
    int 0x42
  END3
  TEST3 "level 3: popfd", 0x1002
    push dword 0x247fd7 & ~0x4100
    popfd
    int 0x42
  END3
  TEST "popfd at level 0"
    push dword 0x3f7fd7 & ~0x4100
    popfd
    pushfd
    pop eax
    mov ecx, eax
    push dword 2
    popfd
  END
  TEST "popf with 16 bits keeps the upper flags"
    push dword 0x240002
    popfd
    push word 0x3ed5
    popf
    pushfd
    pop eax
    push dword 2
    popfd
  END
  ; call gates with parameters
  GATE GATE_S, CODE0, gate_target, 0xec, 3
  TEST3 "level 3: call gate with three parameters"
    push dword 0x33330003
    push dword 0x22220002
    push dword 0x11110001
    call (GATE_S | 3):0x99999999
    mov ebp, esp
  END3
  GATE GATE_S, CODE0, gate_target, 0xe4, 3
  TEST3 "level 3: 16-bit call gate with three parameters, offset of 16 bits"
    push dword 0x22220003
    push dword 0x22220002
    call (GATE_S | 3):0
  END3
  GATE GATE_S, CODE1, gate_target, 0xec, 2
  TEST3 "level 3: call gate to level 1"
    push dword 0x22220002
    push dword 0x11110001
    call (GATE_S | 3):0
  END3
  mov word [tss + 16], 0
  TEST3 "level 3: inner stack null"
    int 0x4a
  END3
  mov word [tss + 16], DATA1
  TEST3 "level 3: inner stack with RPL 0"
    int 0x4a
  END3
  mov word [tss + 16], DATA3
  TEST3 "level 3: inner stack of level 3"
    int 0x4a
  END3
  mov word [tss + 16], 0xfff8
  TEST3 "level 3: inner stack beyond the GDT"
    int 0x4a
  END3
  mov word [tss + 16], DATA1 | 1
  mov dword [idt + 0x45 * 8], 0
  mov dword [idt + 0x45 * 8 + 4], 0
  TEST "int to an empty gate"
    int 0x45
  END
  TEST3 "level 3: int to a closed gate"
    int 0x0d
  END3
  mov word [idtr], 0x46 * 8 + 6
  lidt [idtr]
  TEST "int beyond the IDT"
    int 0x47
  END
  TEST "int at the end of the IDT"
    int 0x46
  END
  mov word [idtr], 256 * 8 - 1
  lidt [idtr]
  TEST3 "level 3: into without right"
    mov al, 0x7f
    add al, 1
    into
  END3
  TEST3 "level 3: int3 without right"
    int3
  END3
  TEST3 "level 3: int1 needs none"
    db 0xf1
  END3

  ; task switches
  call setup_tasks
  TEST "jmp to a TSS"
    mov dword [tss2 + 0x20], task_logs
    jmp TSS2:0
    mov edx, [gdt + TSS_MAIN + 4]
  END
  call setup_tasks
  TEST "call to a TSS, and back by IRET"
    call TSS2:0
    mov edx, [gdt + TSS2 + 4]
    mov ecx, [gdt + TSS_MAIN + 4]
    and ecx, 0xff00
    movzx ebx, word [tss2]
  END
  call setup_tasks
  TEST "call through a task gate, and back"
    call TGATE:0
    mov edx, [gdt + TSS2 + 4]
  END
  call setup_tasks
  TEST "int through a task gate, and back"
    int 0x48
    mov edx, [tss2 + 0x24]
  END
  call setup_tasks
  TEST3 "level 3: call through a task gate, and back"
    call (TGATE | 3):0
    mov edx, [tss2]
  END3
  call setup_tasks
  TEST "exception with error code through a task gate"
    mov eax, [idt + 13 * 8]
    mov [kept], eax
    mov eax, [idt + 13 * 8 + 4]
    mov [kept + 4], eax
    mov dword [idt + 13 * 8], TSS2 << 16
    mov dword [idt + 13 * 8 + 4], 0x8500
    mov dword [tss2 + 0x20], task_code
    mov ax, 0xfff8
    mov es, ax
  END
  mov eax, [kept]
  mov [idt + 13 * 8], eax
  mov eax, [kept + 4]
  mov [idt + 13 * 8 + 4], eax
  call setup_tasks
  TEST "call to a busy TSS"
    or byte [gdt + TSS2 + 5], 2
    call TSS2:0
  END
  call setup_tasks
  TEST "call to an absent TSS"
    and byte [gdt + TSS2 + 5], 0x7f
    call TSS2:0
  END
  call setup_tasks
  TEST "call to a short TSS"
    mov word [gdt + TSS2], 0x66
    call TSS2:0
  END
  call setup_tasks
  TEST "call to its own TSS"
    call TSS_MAIN:0
  END
  call setup_tasks
  TEST3 "level 3: call to a TSS of level 0"
    call TSS2:0
  END3
  call setup_tasks
  TEST "task gate to a code segment"
    mov word [gdt + TGATE + 2], CODE0
    call TGATE:0
  END
  call setup_tasks
  TEST "task gate with an LDT selector"
    mov word [gdt + TGATE + 2], TSS2 | 4
    call TGATE:0
  END
  call setup_tasks
  TEST "IRET with NT and a bad link"
    mov word [tss], 0xfff8
    pushfd
    or dword [esp], 0x4000
    popfd
    iretd
  END
  TEST "IRET with NT and a link to an available TSS"
    mov word [tss], TSS2
    pushfd
    or dword [esp], 0x4000
    popfd
    iretd
  END
  mov word [tss], 0

; Faults of the new task are delivered by a task of their own, as its segments may be of no use.
%macro BAD_TASK 3
  call setup_tasks
  TEST %1
    mov word [tss2 + %2], %3
    call fault_gates
    call TSS2:0
  END
  call back_to_main
  call own_gates
%endmacro
  BAD_TASK "new task: LDT not in the GDT", 0x60, LDT_S | 4
  BAD_TASK "new task: LDT is none", 0x60, CODE0
  BAD_TASK "new task: CS null", 0x4c, 0
  BAD_TASK "new task: CS is data", 0x4c, DATA0
  BAD_TASK "new task: CS absent", 0x4c, ABSENT
  BAD_TASK "new task: CS of another level", 0x4c, CODE1
  BAD_TASK "new task: CS conforming", 0x4c, CONF
  BAD_TASK "new task: SS null", 0x50, 0
  BAD_TASK "new task: SS of level 3", 0x50, DATA3
  BAD_TASK "new task: SS is code", 0x50, CODE0
  BAD_TASK "new task: DS is a TSS", 0x54, TSS_MAIN
  BAD_TASK "new task: ES beyond the GDT", 0x48, 0xfff8
  BAD_TASK "new task: FS null", 0x58, 0
  BAD_TASK "new task: GS absent", 0x5c, ABSENT
  BAD_TASK "new task: EIP beyond CS", 0x4c, NARROW
  call setup_tasks
  TEST "new task: T bit"
    mov byte [tss2 + 0x64], 1
    mov dword [limit], 1
    call TSS2:0
  END
  call back_to_main
  call setup_tasks
  TEST "a 16-bit TSS, and back"
    call TSS16:0
    mov edx, [gdt + TSS16 + 4]
  END
  call back_to_main
  ; double faults
  TEST "#GP while #GP is delivered: double fault"
    mov eax, [idt + 13 * 8]
    mov [kept], eax
    mov word [idt + 13 * 8 + 2], 0xfff8
    mov ax, 0xfff8
    mov es, ax
  END
  mov eax, [kept]
  mov [idt + 13 * 8], eax
  TEST "#NP while #UD is delivered: no double fault"
    and byte [idt + 6 * 8 + 5], 0x7f
    ud2
  END
  or byte [idt + 6 * 8 + 5], 0x80
  TEST "#NP while #DE is delivered: double fault"
    and byte [idt + 5], 0x7f
    xor ecx, ecx
    div ecx
  END
  or byte [idt + 5], 0x80
  jmp finish

; A task that logs by INT and returns by IRET, again and again.
task_returns:
  int 0x49
  iretd
  jmp task_returns
; A task that logs and stays.
task_logs:
  int 0x49
; A task that gets an error code.
task_code:
  pop eax
  int 0x49

gate_target:
  mov eax, [esp]
  mov ecx, [esp + 8]
  mov edx, [esp + 12]
  mov ebx, [esp + 16]
  mov ebp, esp
  int 0x42

; Makes TSS_MAIN the current task again, wherever a probe has ended.
back_to_main:
  mov byte [gdt + TSS_MAIN + 5], 0x89
  mov ax, TSS_MAIN
  ltr ax
  xor eax, eax
  lldt ax
  clts
  ret

; #TS, #NP, #SS and #GP go to a task that logs the error code and the task they came from.
fault_gates:
  DESCRIPTOR TSS3, tss3, 0x67, 0x89, 0
  mov esi, tss2
  mov edi, tss3
  mov ecx, 26
  push dword [tss2 + 0x48]
  push dword [tss2 + 0x4c]
  push dword [tss2 + 0x50]
  push dword [tss2 + 0x54]
  rep movsd
  pop eax
  pop eax
  pop eax
  pop eax
  mov dword [tss3 + 0x20], task_fault
  mov dword [tss3 + 0x38], 0x1a0000
  mov dword [tss3 + 0x48], DATA0
  mov dword [tss3 + 0x4c], CODE0
  mov dword [tss3 + 0x50], DATA0
  mov dword [tss3 + 0x54], DATA0
  mov dword [tss3 + 0x58], DATA0
  mov dword [tss3 + 0x5c], DATA0
  mov dword [tss3 + 0x60], 0
  mov eax, 10
.save:
  mov ebx, [idt + eax * 8]
  mov [gates + eax * 8], ebx
  mov ebx, [idt + eax * 8 + 4]
  mov [gates + eax * 8 + 4], ebx
  mov dword [idt + eax * 8], TSS3 << 16
  mov dword [idt + eax * 8 + 4], 0x8500
  inc eax
  cmp eax, 14
  jb .save
  ret

own_gates:
  mov eax, 10
.restore:
  mov ebx, [gates + eax * 8]
  mov [idt + eax * 8], ebx
  mov ebx, [gates + eax * 8 + 4]
  mov [idt + eax * 8 + 4], ebx
  inc eax
  cmp eax, 14
  jb .restore
  ret

; EAX: error code; ECX: task that failed; EDX: the selectors it had, CS and SS; EBX: CR0.
task_fault:
  pop eax
  movzx ecx, word [tss3]
  mov edx, [tss2 + 0x4c]
  shl edx, 16
  mov dx, [tss2 + 0x50]
  mov ebx, cr0
  mov ebp, [tss2 + 0x20]
  sub ebp, task_returns
  int 0x49

setup_tasks:
  call back_to_main
  DESCRIPTOR TSS2, tss2, 0x67, 0x89, 0
  DESCRIPTOR TSS16, tss16, 0x2b, 0x81, 0
  GATE TGATE, TSS2, 0, 0xe5, 0
  mov eax, [gdt + TGATE]
  mov [idt + 0x48 * 8], eax
  mov eax, [gdt + TGATE + 4]
  mov [idt + 0x48 * 8 + 4], eax
  mov edi, tss2
  mov ecx, 26
  xor eax, eax
  rep stosd
  mov dword [tss2 + 4], STACK0
  mov dword [tss2 + 8], DATA0
  mov dword [tss2 + 0x20], task_returns
  mov dword [tss2 + 0x24], 2
  mov dword [tss2 + 0x28], 0xa0a0a0a0
  mov dword [tss2 + 0x2c], 0xc1c1c1c1
  mov dword [tss2 + 0x30], 0xd2d2d2d2
  mov dword [tss2 + 0x34], 0xb3b3b3b3
  mov dword [tss2 + 0x38], 0x1b0000
  mov dword [tss2 + 0x3c], 0xb5b5b5b5
  mov dword [tss2 + 0x40], 0x56565656
  mov dword [tss2 + 0x44], 0xd7d7d7d7
  mov dword [tss2 + 0x48], DATA0
  mov dword [tss2 + 0x4c], CODE0
  mov dword [tss2 + 0x50], DATA0
  mov dword [tss2 + 0x54], DATA0
  mov dword [tss2 + 0x58], DATA0
  mov dword [tss2 + 0x5c], DATA0
  mov dword [tss2 + 0x64], 0x680000
  mov edi, tss16
  mov ecx, 11
  xor eax, eax
  rep stosd
  mov word [tss16 + 0x0e], 0x7000
  mov word [tss16 + 0x10], 2
  mov word [tss16 + 0x12], 0xa0a0
  mov word [tss16 + 0x1a], 0x6000
  mov word [tss16 + 0x22], DATA0
  mov word [tss16 + 0x24], CODE0
  mov word [tss16 + 0x26], DATA16
  mov word [tss16 + 0x28], DATA0
  ; the 16-bit task's code: IRETD
  mov byte [0x7000], 0xcf
  ret

align 256
text_access db 'access ', 0
access  dd 0
kept    dd 0, 0
  align 16
tss2:  times 32 dd 0
tss16: times 16 dd 0
  align 16
tss3:  times 32 dd 0
gates: times 16 dq 0
