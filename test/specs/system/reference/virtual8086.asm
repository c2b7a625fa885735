; Virtual-8086 mode: sensitive instructions by IOPL, with and without VME, interrupts, faults, and the way back.

%include "probe.inc"

V86     equ 0x20000      ; linear base of the 8086 code and stack
SEGMENT_V equ V86 >> 4

; TESTV "name", EFLAGS besides VM; the 16-bit code between TESTV and ENDV runs there at the same offsets, copied.
%macro TESTV 2
  TEST %1
  mov esi, %$user
  mov edi, V86 + 0x100
  mov ecx, %$user_end - %$user
  rep movsb
  mov dword [first], 0x100
  push dword 0x4444          ; GS
  push dword 0x3333          ; FS
  push dword SEGMENT_V       ; DS
  push dword 0x1111          ; ES
  push dword SEGMENT_V       ; SS
  push dword 0x8000          ; ESP
  push dword 0x20002 | (%2)
  push dword SEGMENT_V
  push dword 0x100
  mov ecx, 0x22222222
  mov esi, 0x66666666
  mov edi, 0x77777777
  iretd
bits 16
%$user:
%endmacro

%macro ENDV 0
  int3
  hlt
%$user_end:
bits 32
%$end:
  call end_probe
%pop
%endmacro

%macro ALL_FLAGS 2+
  TESTV %1, 0x0000
    %2
  ENDV
  TESTV %1, 0x3000
    %2
  ENDV
  TESTV %1, 0x80000
    %2
  ENDV
  TESTV %1, 0x180000
    %2
  ENDV
%endmacro

%macro SENSITIVE 0
  ALL_FLAGS "cli", cli
  ALL_FLAGS "sti", sti
  ALL_FLAGS "pushf", pushf
  ALL_FLAGS "pushfd", o32 pushf
  TESTV "pushf, pop ax", 0x80246
    pushf
    pop ax
  ENDV
  TESTV "popf", 0x80002
    push word 0x0ed5
    popf
  ENDV
  TESTV "popf with IF", 0x2
    push word 0x7ed5
    popf
  ENDV
  TESTV "popf with TF", 0x2
    push word 0x0102
    popf
  ENDV
  TESTV "popf with IF and VIP", 0x100002
    push word 0x0202
    popf
  ENDV
  TESTV "popfd", 0x2
    push dword 0x0202
    o32 popf
  ENDV
  TESTV "popf, IOPL 3", 0x3002
    push word 0x4ed5
    popf
    nop
  ENDV
  TESTV "popfd, IOPL 3", 0x3002
    push dword 0x243ed5
    o32 popf
    nop
  ENDV
  TESTV "iret", 0x80002
    push word 0x0ed7
    push word SEGMENT_V
    push word 0x180
    iret
    times 0x80 - 9 nop
    int3
  ENDV
  TESTV "iret, IOPL 3", 0x3002
    push word 0x0ed7
    push word SEGMENT_V
    push word 0x180
    iret
    times 0x80 - 9 nop
    int3
  ENDV
  TESTV "iretd, IOPL 3", 0x3002
    push dword 0x3f4ed7
    push dword SEGMENT_V
    push dword 0x190
    o32 iret
    times 0x90 - 18 nop
    int3
  ENDV
  TESTV "iretd", 2
    o32 iret
  ENDV
  ALL_FLAGS "int 0x40", int 0x40
  ALL_FLAGS "int 0x50", int 0x50
  ALL_FLAGS "int3", int3
  ALL_FLAGS "in", {in al, 0x80}
%endmacro

main:
  ; 8086 handlers of INT 50h and INT 40h: add to BX, INT3
  mov word [0x40 * 4], 0x40
  mov word [0x40 * 4 + 2], SEGMENT_V
  mov word [0x50 * 4], 0x50
  mov word [0x50 * 4 + 2], SEGMENT_V
  mov dword [V86 + 0x40], 0xcc5b5859       ; pop cx; pop ax; pop bx; int3
  mov dword [V86 + 0x50], 0xcc5b5859
  mov byte [idt + 3 * 8 + 5], 0xee         ; INT3 from level 3
  ; the redirection bitmap lies before the I/O bitmap: INT 40h goes to the monitor, INT 50h to the program
  mov word [tss + 0x66], 0x88
  mov dword [tss + 0x68 + 8], 1
  SENSITIVE
  mov eax, cr4
  or eax, 1
  mov cr4, eax
  SENSITIVE
  mov eax, cr4
  and eax, ~1
  mov cr4, eax

  TESTV "protected-mode instructions: sldt", 0x3002
    sldt ax
  ENDV
  TESTV "lar", 0x3002
    lar ax, bx
  ENDV
  TESTV "arpl", 0x3002
    arpl ax, bx
  ENDV
  TESTV "lldt", 0x3002
    lldt ax
  ENDV
  TESTV "str", 0x3002
    str ax
  ENDV
  TESTV "hlt", 0x3002
    hlt
  ENDV
  TESTV "lgdt", 0x3002
    lgdt [0]
  ENDV
  TESTV "smsw", 0x3002
    smsw ax
  ENDV
  TESTV "lmsw", 0x3002
    lmsw ax
  ENDV
  TESTV "clts", 0x3002
    clts
  ENDV
  TESTV "mov eax, cr0", 0x3002
    mov eax, cr0
  ENDV
  TESTV "mov eax, dr7", 0x3002
    mov eax, dr7
  ENDV
  TESTV "segments", 2
    mov ax, 0x2345
    mov ds, ax
    mov es, ax
    mov bx, ds
    mov cx, fs
    mov dx, gs
  ENDV
  TESTV "word at FFFF", 2
    mov bx, 0xffff
    mov al, [bx]
    mov ax, [bx]
  ENDV
  TESTV "dword with a 32-bit address", 2
    mov ebx, 0x10000
    mov al, [ebx]
  ENDV
  TESTV "push at SP 1", 2
    mov sp, 1
    push ax
  ENDV
  TESTV "far jump and call", 2
    jmp SEGMENT_V + 1:0xf5
    nop
    nop
    call SEGMENT_V:0x120
    times 0x20 - 12 nop
    mov bp, sp
    mov ax, [bp]
    mov bx, [bp + 2]
  ENDV
  TESTV "far jump beyond 64 KiB", 2
    jmp dword SEGMENT_V:0x10000
  ENDV
  TESTV "ret beyond 64 KiB", 2
    push dword 0x10000
    o32 ret
  ENDV
  TESTV "undefined", 2
    ud2
  ENDV
  TESTV "lock", 2
    db 0xf0, 0x90
  ENDV
  TESTV "divide by zero", 2
    xor cx, cx
    div cx
  ENDV
  TESTV "into", 0x3002
    mov al, 0x7f
    add al, 1
    into
  ENDV
  TESTV "bound", 2
    mov ax, 9
    bound ax, [0x100]
  ENDV
  TESTV "int1", 2
    db 0xf1
  ENDV
  TESTV "single step", 0x102
    nop
    nop
  ENDV
  TESTV "sysenter with null", 2
    sysenter
  ENDV
  ; gates that may not be used from virtual-8086 mode
  mov word [idt + 0x43 * 8 + 2], FREE
  DESCRIPTOR FREE, 0, 0xfffff, 0xfb, 0xc0
  TESTV "interrupt gate to level 3", 0x3002
    int 0x43
  ENDV
  DESCRIPTOR FREE, 0, 0xfffff, 0x9f, 0xc0
  TESTV "interrupt gate to conforming code", 0x3002
    int 0x43
  ENDV
  mov word [idt + 0x43 * 8 + 4], 0xe600
  mov word [idt + 0x43 * 8 + 2], CODE16
  TESTV "interrupt gate with DPL 0", 0x3002
    int 0x0d
  ENDV
  jmp finish
