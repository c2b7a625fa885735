; Who may do what, undefined and malformed instructions, LOCK, control registers, FPU availability.

%include "probe.inc"

; P "name", bytes or an instruction: at level 0 and at level 3.
%macro P 2-7 nop, nop, nop, nop, nop
  TEST %1
    %2
    %3
    %4
    %5
    %6
    %7
  END
  TEST3 %1
    %2
    %3
    %4
    %5
    %6
    %7
  END3
%endmacro

main:
  mov dword [tss + 0x66], 0x0068
  P "cli", {cli}
  P "sti", {sti}, {cli}
  P "lgdt", {lgdt [gdtr]}
  P "lidt", {lidt [idtr]}
  P "sgdt", {sgdt [buffer]}, {movzx eax, word [buffer]}
  P "sldt", {sldt edx}
  P "str", {str edx}
  P "smsw", {smsw edx}
  P "smsw16", {smsw dx}
  P "lldt null", {xor eax, eax}, {lldt ax}
  P "ltr null", {xor eax, eax}, {ltr ax}
  P "lmsw", {smsw ax}, {lmsw ax}
  P "clts", {clts}
  P "invlpg", {invlpg [0]}
  P "invlpg register", {db 0x0f, 0x01, 0xf8}
  P "invd", {invd}
  P "wbinvd", {wbinvd}
  P "mov eax, cr0", {mov eax, cr0}
  P "mov eax, cr1", {db 0x0f, 0x20, 0xc8}
  P "mov cr1, eax", {db 0x0f, 0x22, 0xc8}
  P "mov eax, cr2", {mov eax, cr2}, {xor eax, eax}
  P "mov eax, cr4", {mov eax, cr4}, {xor eax, eax}
  P "mov eax, cr5", {db 0x0f, 0x20, 0xe8}
  P "mov cr7, eax", {db 0x0f, 0x22, 0xf8}
  P "mov eax, cr0 with a memory ModR/M", {db 0x0f, 0x20, 0x00}
  P "mov eax, dr7", {mov eax, dr7}
  P "mov dr7, eax", {mov eax, 0x400}, {mov dr7, eax}
  P "mov eax, dr with a memory ModR/M", {db 0x0f, 0x21, 0x38}
  P "mov eax, tr6", {db 0x0f, 0x24, 0xf0}
  P "mov tr6, eax", {db 0x0f, 0x26, 0xf0}
  P "rdmsr", {mov ecx, 0x174}, rdmsr
  P "rdmsr of none", {mov ecx, 0x8fffffff}, rdmsr
  P "wrmsr of none", {mov ecx, 0x8fffffff}, wrmsr
  P "in al, 0x80", {in al, 0x80}, {mov al, 0x11}
  P "sysexit with null", {mov ecx, 0x174}, {sysexit}
  P "sysenter with null", {sysenter}
  P "rsm", {rsm}
  P "ud2", {ud2}
  P "ud1", {db 0x0f, 0xb9, 0xc0}
  P "ud1 with memory", {db 0x0f, 0xb9, 0x05}, {dd 0}
  P "ud0", {db 0x0f, 0xff, 0xc0}
  P "salc", {stc}, {db 0xd6}
  P "0f 04", {db 0x0f, 0x04, 0xc0}
  P "0f 0a", {db 0x0f, 0x0a, 0xc0}
  P "0f a6", {db 0x0f, 0xa6, 0xc0}
  P "0f 36", {db 0x0f, 0x36, 0xc0}
  P "0f 7a", {db 0x0f, 0x7a, 0xc0}
  P "fe /2", {db 0xfe, 0xd0}
  P "fe /7", {db 0xfe, 0xf8}
  P "ff /7", {db 0xff, 0xf8}
  P "f6 /1 is test", {db 0xf6, 0xc8, 0x55}
  P "c0 /6 is shl", {db 0xc0, 0xf0, 1}
  P "8f /1", {db 0x8f, 0xc8}
  P "c6 /1", {db 0xc6, 0xc8, 0}
  P "c7 /1", {db 0xc7, 0xc8, 0, 0, 0, 0}
  P "82 /0", {db 0x82, 0xc0, 1}
  P "d9 d8", {db 0xd9, 0xd8}
  P "0f 00 /6", {db 0x0f, 0x00, 0xf0}
  P "0f 01 /5", {db 0x0f, 0x01, 0xe8}
  P "0f ba /0", {db 0x0f, 0xba, 0xc0, 1}
  P "0f c7 /1 register", {db 0x0f, 0xc7, 0xc8}
  P "lea register", {db 0x8d, 0xc0}
  P "les register", {db 0xc4, 0xc0}
  P "lds register", {db 0xc5, 0xc0}
  P "bound register", {db 0x62, 0xc0}
  P "lss register", {db 0x0f, 0xb2, 0xc0}
  P "call far register", {db 0xff, 0xd8}
  P "jmp far register", {db 0xff, 0xe8}
  P "lgdt register", {db 0x0f, 0x01, 0xd0}
  P "sgdt register", {db 0x0f, 0x01, 0xc0}
  P "movnti register", {db 0x0f, 0xc3, 0xc0}
  P "lock nop", {db 0xf0, 0x90}
  P "lock mov", {db 0xf0, 0x89, 0x05}, {dd buffer}
  P "lock add memory", {lock add dword [buffer], 1}
  P "lock add register", {db 0xf0, 0x01, 0xc0}
  P "lock cmp memory", {db 0xf0, 0x39, 0x05}, {dd buffer}
  P "lock add load form", {db 0xf0, 0x03, 0x05}, {dd buffer}
  P "lock bt memory", {db 0xf0, 0x0f, 0xa3, 0x05}, {dd buffer}
  P "lock bts memory", {lock bts dword [buffer], eax}
  P "lock test", {db 0xf0, 0xf6, 0x05}, {dd buffer}, {db 0}
  P "lock not", {lock not dword [buffer]}
  P "lock inc", {lock inc dword [buffer]}
  P "lock xchg", {lock xchg eax, [buffer]}, {mov eax, 0x11111111}
  P "lock movs", {db 0xf0, 0xa4}
  P "lock ud2", {db 0xf0, 0x0f, 0x0b}
  P "lock jmp", {db 0xf0, 0xeb, 0}
  P "lock hlt", {db 0xf0, 0xf4}
  P "15 bytes", {times 14 db 0x2e}, nop
  P "16 bytes", {times 15 db 0x2e}, nop
  P "16 bytes, undefined", {times 14 db 0x66}, {db 0x0f, 0xff}
  P "15 bytes, undefined", {times 13 db 0x66}, {db 0x0f, 0x04}
  P "lock prefixes beyond 15 bytes", {times 16 db 0xf0}, {nop}
  P "several segment overrides: the last counts", {mov edx, buffer}, {db 0x64, 0x3e, 0x8b, 0x02}
  P "f2 and f3: the last counts", {mov ecx, 2}, {mov esi, buffer}, {mov edi, buffer}, {db 0xf2, 0xf3, 0xa6}
  P "66 twice", {db 0x66, 0x66, 0x40}
  P "67 jecxz", {mov ecx, 0x10000}, {db 0x67, 0xe3, 0x01}, {nop}, {nop}
  P "66 bswap", {db 0x66, 0x0f, 0xcb}, {xor ebx, ebx}
  P "66 push fs, pop", {mov edx, esp}, {db 0x66, 0x0f, 0xa0}, {sub edx, esp}, {add esp, 2}
  P "66 push imm8", {mov edx, esp}, {db 0x66, 0x6a, 0xff}, {sub edx, esp}, {pop cx}
  P "66 pushf", {mov edx, esp}, {db 0x66, 0x9c}, {sub edx, esp}, {pop cx}
  P "16-bit address wraps", {mov ebx, 0x1ffff}, {db 0x67, 0x8d, 0x5f, 2}
  P "16-bit address of [bp+di]", {mov ebp, 0x5000f}, {mov edi, 0x60010}, {db 0x67, 0x8d, 0x1b}
  P "lea with 16-bit operand", {mov ebx, 0x12345678}, {db 0x66, 0x8d, 0x43, 1}
  P "rep nop", {db 0xf3, 0x90}
  P "mov cr3 with lock", {db 0xf0, 0x0f, 0x20, 0xc0}

  ; control registers
  TEST "CR0: PG without PE"
    mov eax, cr0
    or eax, 0x80000000
    and eax, ~1
    mov cr0, eax
  END
  TEST "CR0: NW without CD"
    mov eax, cr0
    or eax, 0x20000000
    and eax, ~0x40000000
    mov cr0, eax
  END
  TEST "CR0: reserved bits are ignored"
    mov eax, cr0
    mov ecx, eax
    or eax, 0x1ffaffc0
    mov cr0, eax
    mov edx, cr0
    mov cr0, ecx
    xor edx, ecx
    xor ecx, ecx
    xor eax, eax
  END
  TEST "CR4: reserved bits"
    mov eax, cr4
    or eax, 0x80000000
    mov cr4, eax
  END
  TEST "CR4: bit 11 and others by turns"
    mov eax, 0x8000
    mov cr4, eax
  END
  TEST "LMSW cannot clear PE"
    xor eax, eax
    smsw ax
    mov ecx, eax
    and ecx, ~1
    lmsw cx
    smsw dx
    lmsw ax
    xor eax, eax
    xor ecx, ecx
  END
  ; time stamps
  mov eax, cr4
  or eax, 4
  mov cr4, eax
  TEST "rdtsc with TSD"
    rdtsc
    xor eax, eax
    xor edx, edx
  END
  TEST3 "rdtsc with TSD"
    rdtsc
  END3
  mov eax, cr4
  and eax, ~4
  mov cr4, eax
  TEST3 "rdtsc without TSD"
    rdtsc
    xor eax, eax
    xor edx, edx
  END3
  TEST3 "rdpmc without PCE"
    xor ecx, ecx
    rdpmc
  END3

  ; EM, MP, TS
%assign bits 0
%rep 8
  mov eax, cr0
  and eax, ~0xe
  or eax, bits * 2
  mov cr0, eax
  mov esi, text_bits
  call print
  mov al, bits
  call print_byte
  mov al, 32
  call putc
  TEST "fld1"
    fld1
    fninit
  END
  TEST "wait"
    wait
  END
  TEST "fnstsw"
    fnstsw ax
  END
  TEST "emms"
    emms
  END
  TEST "movq"
    movq mm0, [buffer]
  END
  TEST "fxsave"
    fxsave [buffer]
  END
  TEST "xorps without OSFXSR"
    xorps xmm0, xmm0
  END
  mov eax, cr4
  or eax, 0x200
  mov cr4, eax
  TEST "xorps with OSFXSR"
    xorps xmm0, xmm0
  END
  TEST "prefetch"
    prefetcht0 [buffer]
  END
  TEST "ldmxcsr"
    mov dword [buffer], 0x1f80
    ldmxcsr [buffer]
  END
  mov eax, cr4
  and eax, ~0x200
  mov cr4, eax
%assign bits bits + 1
%endrep
  mov eax, cr0
  and eax, ~0xe
  mov cr0, eax
  mov eax, cr4
  or eax, 0x200
  mov cr4, eax
  TEST "ldmxcsr of reserved bits"
    mov dword [buffer], 0x80001f80
    ldmxcsr [buffer]
  END
  TEST "movaps misaligned"
    movaps xmm0, [buffer + 4]
  END
  TEST "fxsave misaligned"
    fxsave [buffer + 8]
  END
  TEST "divps unmasked without OSXMMEXCPT"
    mov dword [buffer], 0x1d00
    ldmxcsr [buffer]
    xorps xmm1, xmm1
    divps xmm0, xmm1
  END
  mov eax, cr4
  or eax, 0x400
  mov cr4, eax
  TEST "divps unmasked with OSXMMEXCPT"
    divps xmm0, xmm1
  END
  TEST "x87: #MF at the next waiting instruction"
    fninit
    mov dword [buffer], 0x37b
    fldcw [buffer]
    fld1
    fldz
    fdivp
    nop
    fnstsw ax
    fwait
  END
  TEST "x87: #MF and MMX"
    paddb mm0, mm1
  END
  TEST "x87: FNINIT does not wait"
    fninit
    fwait
  END
  ; alignment checks
  mov eax, cr0
  or eax, 0x40000
  mov cr0, eax
  TEST3 "AC: dword", 0x40002
    mov edx, [buffer + 2]
  END3
  TEST3 "AC: word", 0x40002
    mov dx, [buffer + 1]
  END3
  TEST3 "AC: byte, aligned dword", 0x40002
    mov dl, [buffer + 1]
    mov edx, [buffer + 4]
    xor edx, edx
  END3
  TEST3 "AC: push", 0x40002
    mov esp, STACK3 - 2
    push eax
  END3
  TEST3 "AC: qword of x87", 0x40002
    fld qword [buffer + 4]
  END3
  TEST3 "AC: movups", 0x40002
    movups xmm0, [buffer + 4]
  END3
  TEST3 "AC: sidt", 0x40002
    sidt [buffer + 2]
  END3
  TEST "AC at level 0"
    pushfd
    or dword [esp], 0x40000
    popfd
    mov edx, [buffer + 2]
    xor edx, edx
    push dword 2
    popfd
  END
  mov eax, cr0
  and eax, ~0x40000
  mov cr0, eax
  ; I/O permission
  mov byte [tss + 0x68 + 0x80 / 8], 0x02
  TEST3 "port allowed"
    in al, 0x80
    mov al, 0
  END3
  TEST3 "port forbidden"
    in al, 0x81
  END3
  TEST3 "word port half forbidden"
    in ax, 0x80
  END3
  TEST3 "port with IOPL 3", 0x3002
    in al, 0x81
    mov al, 0
  END3
  mov word [gdt + TSS_MAIN], 0x68 + 0x10
  mov byte [gdt + TSS_MAIN + 5], 0x89
  mov ax, TSS_MAIN
  ltr ax
  TEST3 "port in the last byte of the TSS"
    mov dx, 0x80
    in al, dx
  END3
  TEST3 "port in the last byte but one"
    mov dx, 0x78
    in al, dx
    mov al, 0
  END3
  TEST3 "CLI, STI at level 3 with IOPL 3", 0x3002
    sti
    cli
  END3
  ; PVI
  mov eax, cr4
  or eax, 2
  mov cr4, eax
  TEST3 "PVI: sti", 2
    sti
  END3
  TEST3 "PVI: sti with VIP", 0x100002
    sti
  END3
  TEST3 "PVI: cli", 0x80002
    cli
  END3
  TEST3 "PVI: pushf, popf", 0x80002
    pushfd
    pop eax
    push dword 0x202
    popfd
  END3
  jmp finish

align 256
text_bits db 'EM TS MP ', 0
align 4096
buffer: times 4096 db 0
