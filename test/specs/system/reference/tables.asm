; System registers and their operand sizes: LGDT LIDT SGDT SIDT SMSW LMSW SLDT STR LLDT LTR, MOV to and from control
; registers by each combination of PE, PG, CD, NW and reserved bits, CR3 and CR8, ENTER at the stack's edges, XLAT and
; LEA with wrap-around, INVLPG with prefixes, PUSH and POP of segment registers by size.

%include "probe.inc"

%macro FILL 0                  ; buffer: 16 bytes of AA
  mov dword [buffer], 0xaaaaaaaa
  mov dword [buffer + 4], 0xaaaaaaaa
  mov dword [buffer + 8], 0xaaaaaaaa
%endmacro

%macro LOOK 0                  ; EAX ECX EDX: what is in the buffer
  mov eax, [buffer]
  mov ecx, [buffer + 4]
  mov edx, [buffer + 8]
%endmacro

; STORED "name", instruction: what it writes to the buffer.
%macro STORED 2-3 nop
  FILL
  TEST %1
    %2
    %3
    LOOK
  END
%endmacro

main:
  ; --- LGDT, LIDT and back
  STORED "sgdt, 32 bits", {sgdt [buffer]}
  STORED "sgdt, 16 bits", {o16 sgdt [buffer]}
  mov dword [image], 0x00ff1fff
  mov dword [image + 4], 0xfedcba98
  mov word [image + 4], 0xba98
  STORED "lidt, 32 bits", {lidt [image]}, {sidt [buffer]}
  lidt [idtr]
  STORED "lidt, 16 bits: 24 bits of base", {o16 lidt [image]}, {sidt [buffer]}
  lidt [idtr]
  STORED "lidt, 16 bits, sidt, 16 bits", {o16 lidt [image]}, {o16 sidt [buffer]}
  lidt [idtr]
  ; --- SMSW, SLDT, STR by size
  STORED "smsw, memory", {smsw [buffer]}
  STORED "smsw, memory, 16 bits", {o16 smsw [buffer]}
  STORED "sldt, memory", {sldt [buffer]}
  STORED "sldt, memory, 16 bits", {o16 sldt [buffer]}
  STORED "str, memory", {str [buffer]}
  STORED "str, memory, 16 bits", {o16 str [buffer]}
  STORED "mov from SS, memory", {mov [buffer], ss}
  STORED "mov from SS, memory, 16 bits", {o16 mov [buffer], ss}
  TEST "registers: smsw, sldt, str, mov, 32 bits"
    smsw eax
    sldt ecx
    str edx
    db 0x8c, 0xd3              ; mov ebx, ss
  END
  TEST "registers: smsw, sldt, str, mov, 16 bits"
    smsw ax
    sldt cx
    str dx
    mov bx, ss
  END
  ; --- segment registers on the stack
  TEST "push fs, 32 bits: the upper half"
    push dword 0x99999999
    pop eax
    push fs
    pop eax
  END
  TEST "push fs, 16 bits"
    push dword 0x99999999
    pop eax
    o16 push fs
    pop ax
  END
  TEST "pop fs takes four bytes"
    push dword 0x99990010
    pop fs
    mov eax, fs
    lea ecx, [esp]
  END
  ; --- LMSW
%assign value 0
%rep 16
  TEST "lmsw, low bits one by one"
    mov eax, value | 0xfff0
    lmsw ax
    mov ecx, cr0
    and ecx, 0xf
    mov eax, cr0
    and eax, ~0xe
    mov cr0, eax
    mov eax, 0
  END
%assign value value + 1
%endrep
  ; --- MOV to CR0: PG PE, CD NW, the rest
%macro CR0_PROBE 1
  TEST "mov cr0"
    mov ebx, cr0
    mov eax, %1
    mov cr0, eax
    mov ecx, cr0
    mov cr0, ebx
    mov edx, cr0
  END
%endmacro
  CR0_PROBE 0x00000011
  CR0_PROBE 0x00000001
  CR0_PROBE 0x80000010
  CR0_PROBE 0x20000011
  CR0_PROBE 0x40000011
  CR0_PROBE 0x60000011
  CR0_PROBE 0x60050031
  CR0_PROBE 0x1ffaffd1
  CR0_PROBE 0x0005003f
%macro CR4_PROBE 1
  TEST "mov cr4"
    mov ebx, cr4
    mov eax, %1
    mov cr4, eax
    mov ecx, cr4
    mov cr4, ebx
  END
%endmacro
%assign bit 0
%rep 11
  CR4_PROBE 1 << bit
%assign bit bit + 1
%endrep
  CR4_PROBE 0x00800000
  CR4_PROBE 0x80000000
  CR4_PROBE 0x00001000
  TEST "cr3 keeps what bits it has"
    mov ebx, cr3
    mov eax, 0xfffff018
    mov cr3, eax
    mov ecx, cr3
    mov cr3, ebx
  END
  TEST "mov to cr2 and back"
    mov eax, 0x89abcdef
    mov cr2, eax
    mov ecx, cr2
  END
  TEST "mov eax, cr3 with 66, 67 and F2"
    db 0x66, 0x67, 0xf2, 0x0f, 0x20, 0xd8
  END
  TEST "lock mov eax, cr0"
    db 0xf0, 0x0f, 0x20, 0xc0
  END
  ; --- DR
  TEST "dr0 takes 32 bits"
    mov eax, 0xfedcba98
    mov dr0, eax
    mov ecx, dr0
    xor edx, edx
    mov dr0, edx
  END
  TEST "dr6: all ones, all zeros"
    mov eax, -1
    mov dr6, eax
    mov ecx, dr6
    xor eax, eax
    mov dr6, eax
    mov edx, dr6
  END
  TEST "dr7: all but GD"
    mov eax, 0xffffdf00
    mov dr7, eax
    mov ecx, dr7
    xor eax, eax
    mov dr7, eax
    mov edx, dr7
  END
  ; --- LLDT, LTR
  DESCRIPTOR FREE, 0x5000, 0xff, 0x82, 0
  DESCRIPTOR FREE + 8, other_tss, 0x67, 0x89, 0
  DESCRIPTOR FREE + 16, other_tss, 0x2b, 0x81, 0
  TEST "lldt and sldt"
    mov eax, FREE
    lldt ax
    sldt ecx
    xor edx, edx
    lldt dx
    sldt edx
  END
  TEST "lldt of a selector with RPL 3"
    mov eax, FREE + 3
    lldt ax
    sldt ecx
    xor edx, edx
    lldt dx
  END
  TEST "ltr makes it busy"
    mov eax, FREE + 8
    ltr ax
    str ecx
    mov edx, [gdt + FREE + 12]
  END
  TEST "ltr of a busy one"
    mov eax, FREE + 8
    ltr ax
  END
  TEST "ltr of a 16-bit one"
    mov eax, FREE + 16
    ltr ax
    mov edx, [gdt + FREE + 20]
  END
  mov byte [gdt + TSS_MAIN + 5], 0x89
  mov ax, TSS_MAIN
  ltr ax
  ; --- effective addresses
  TEST "lea wraps around at 32 bits, and takes 16"
    lea ecx, [eax * 8 + 0x80000000]
    lea dx, [eax + 0x7fff]
    a16 lea ebx, [si]
  END
  TEST "xlat with a 16-bit address"
    mov ebx, 0x50000 + 0xffff
    mov al, 1
    a16 xlatb
    mov eax, 0
  END
  TEST "invlpg with 67"
    a16 invlpg [si]
  END
  TEST "lock invlpg"
    db 0xf0, 0x0f, 0x01, 0x3d, 0, 0, 0, 0
  END
  ; --- the tables end where an access begins
  mov eax, cr0
  push eax
  mov ecx, gdtr
  TEST "a selector whose descriptor ends behind the GDT"
    sub word [gdtr], 0x100
    lgdt [gdtr]
    add word [gdtr], 0x100
    mov eax, (gdt_end - gdt - 0x100) & 0xfff8
    lar ecx, eax
    mov eax, ((gdt_end - gdt - 0x100) & 0xfff8) + 3
    mov fs, ax
  END
  lgdt [gdtr]
  TEST "the last descriptor, one byte short"
    dec word [gdtr]
    lgdt [gdtr]
    inc word [gdtr]
    mov eax, gdt_end - gdt - 8
    mov fs, ax
  END
  lgdt [gdtr]
  pop eax
  ret

align 64
buffer times 16 db 0
image dq 0
align 16
other_tss times 0x68 db 0
