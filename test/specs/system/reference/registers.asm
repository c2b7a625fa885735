; Model-specific registers (memory types, SYSENTER, EFER, APIC base), SYSENTER and SYSEXIT with every kind of selector,
; the time-stamp counter, system registers with reserved bits.

%include "probe.inc"

; WRITE msr, high, low: stores a value and reads back what is there.
%macro WRITE 3
%defstr %%msr %1
%defstr %%high %2
%defstr %%low %3
%strcat %%text "wrmsr ", %%msr, " := ", %%high, " ", %%low
  TEST %%text
    mov ecx, %1
    mov edx, %2
    mov eax, %3
    wrmsr
    rdmsr
  END
  TEST "what is there"
    mov ecx, %1
    rdmsr
  END
%endmacro

; A memory type in each place where one stands: those that exist, and others.
%macro TYPES 2
  WRITE %1, %2, 0x00
  WRITE %1, %2, 0x01
  WRITE %1, %2, 0x02
  WRITE %1, %2, 0x03
  WRITE %1, %2, 0x04
  WRITE %1, %2, 0x05
  WRITE %1, %2, 0x06
  WRITE %1, %2, 0x07
  WRITE %1, %2, 0x08
  WRITE %1, %2, 0x80
%endmacro

; SYSENTER and SYSEXIT with a selector in SYSENTER_CS.
%macro CALLS 1
%assign %%value %1
%defstr %%selector %%value
%strcat %%enter "sysenter, selector ", %%selector
%strcat %%exit "sysexit, selector ", %%selector
  TEST %%enter
    mov ecx, SYSENTER_CS
    mov eax, %1
    xor edx, edx
    wrmsr
    mov ecx, SYSENTER_ESP
    mov eax, STACK0 - 0x20
    wrmsr
    mov ecx, SYSENTER_EIP
    mov eax, %%entered
    wrmsr
    sysenter
  %%entered:
    mov eax, cs
    mov ebx, ss
    mov ecx, esp
    ud2
  END
  TEST %%exit
    mov ecx, SYSENTER_CS
    mov eax, %1
    xor edx, edx
    wrmsr
    mov ecx, STACK3
    mov edx, %%left
    sysexit
  %%left:
    mov eax, cs
    mov ebx, ss
    mov ecx, esp
    cli
  END
%endmacro

SYSENTER_CS  equ 0x174
SYSENTER_ESP equ 0x175
SYSENTER_EIP equ 0x176

main:
  mov dword [tss + 0x66], 0x0068
  ; --- memory types
  TEST "MTRR capabilities, without the count"
    mov ecx, 0xfe
    rdmsr
    and eax, 0x500
  END
  TEST "MTRR capabilities cannot be written"
    mov ecx, 0xfe
    rdmsr
    wrmsr
  END
  TYPES 0x200, 0
  WRITE 0x200, 0x00000001, 0x80000006
  WRITE 0x200, 0x0000000f, 0xfffff006
  WRITE 0x200, 0x80000000, 0x00000006
  WRITE 0x200, 0x00000000, 0x00000106
  WRITE 0x200, 0x00000000, 0x00000806
  WRITE 0x201, 0x00000000, 0x00000800
  WRITE 0x201, 0x0000000f, 0xfffff800
  WRITE 0x201, 0x0000000f, 0x00000400
  WRITE 0x201, 0x80000000, 0x00000800
  WRITE 0x201, 0x00000000, 0x00000001
  WRITE 0x20f, 0x0000000f, 0x00000800
  WRITE 0x201, 0, 0
  WRITE 0x200, 0, 0
  WRITE 0x20f, 0, 0
  TYPES 0x250, 0x06060606
  TYPES 0x258, 0
  TYPES 0x259, 0
  TYPES 0x268, 0
  TYPES 0x26f, 0
  WRITE 0x250, 0x07000000, 0
  WRITE 0x250, 0x02000000, 0
  WRITE 0x250, 0, 0x00030000
  WRITE 0x26f, 0x00080000, 0
  WRITE 0x250, 0x06060606, 0x06060606
  TYPES 0x2ff, 0
  WRITE 0x2ff, 0, 0x00000400
  WRITE 0x2ff, 0, 0x00000800
  WRITE 0x2ff, 0, 0x00000c06
  WRITE 0x2ff, 0, 0x00001c06
  WRITE 0x2ff, 0, 0x00000206
  WRITE 0x2ff, 0, 0x00000106
  WRITE 0x2ff, 1, 0x00000c06
  WRITE 0x2ff, 0, 0
  TYPES 0x277, 0x00070406
  WRITE 0x277, 0x00070106, 0x00070106
  WRITE 0x277, 0x02070106, 0x00070106
  WRITE 0x277, 0x00070106, 0x03070106
  WRITE 0x277, 0x08070106, 0x00070106
  WRITE 0x277, 0x00070406, 0x00070406
  ; --- others
  WRITE 0xc0000080, 0, 0x00000800
  WRITE 0xc0000080, 0, 0x00000000
  WRITE 0xc0000080, 0, 0x00000002
  WRITE 0xc0000080, 1, 0x00000000
  WRITE 0x00000174, 0xffffffff, 0x00000008
  WRITE 0x00000174, 0x00000000, 0x0000fffb
  WRITE 0x00000175, 0x00000000, 0xffffffff
  WRITE 0x00000176, 0x00000000, 0xffffffff
  WRITE 0x00000003, 0, 0
  WRITE 0xc0000101, 0, 0
  TEST "the time-stamp counter takes a value"
    mov ecx, 0x10
    mov edx, 0x12345678
    xor eax, eax
    wrmsr
    rdtsc
    mov eax, 0
  END
  TEST "and counts"
    rdtsc
    mov ebx, eax
    mov ecx, edx
    rdtsc
    sub eax, ebx
    sbb edx, ecx
    setnz al
    movzx eax, al
    mov ebx, 0x44444444
    mov ecx, 0x22222222
  END
  ; --- SYSENTER and SYSEXIT
  mov dword [tss + 4], STACK0
%assign selector 0
%rep 8
  CALLS selector
%assign selector selector + 1
%endrep
  CALLS 0x0b
  CALLS 0x0c
  CALLS 0x0f
  CALLS 0xfff8
  CALLS 0xffff
  CALLS 0x1234
  TEST "sysenter takes the flags IF, RF, VM away, and no others"
    mov ecx, SYSENTER_CS
    mov eax, CODE0
    xor edx, edx
    wrmsr
    mov ecx, SYSENTER_ESP
    mov eax, STACK0
    wrmsr
    mov ecx, SYSENTER_EIP
    mov eax, .entered
    wrmsr
    push dword 0x244ed7
    popfd
    sysenter
  .entered:
    pushfd
    pop eax
    push dword 2
    popfd
  END
  TEST3 "level 3: sysexit"
    sysexit
  END3
  mov ecx, SYSENTER_EIP
  mov eax, .from_outside
  xor edx, edx
  wrmsr
  TEST3 "level 3: sysenter", 0x202
    sysenter
  .from_outside:
    mov eax, cs
    mov ebx, ss
    mov ecx, esp
    pushfd
    pop edx
  END3
  TEST "sysexit to level 3, which raises what it does"
    mov ecx, STACK3
    mov edx, .outside
    mov eax, cs
    sysexit
  .outside:
    mov eax, cs
    mov ebx, ss
    mov ecx, ds
    cli
  END
  ; Flat segments whatever the descriptors say.
  DESCRIPTOR FREE, 0x1000, 0xff, 0x9b, 4
  DESCRIPTOR FREE + 8, 0x2000, 0xff, 0x93, 4
  DESCRIPTOR FREE + 16, 0x3000, 0xff, 0xfb, 4
  DESCRIPTOR FREE + 24, 0x4000, 0xff, 0xf3, 4
  TEST "the descriptors are not read"
    mov ecx, SYSENTER_CS
    mov eax, FREE
    xor edx, edx
    wrmsr
    mov ecx, SYSENTER_EIP
    mov eax, .entered2
    wrmsr
    sysenter
  .entered2:
    lsl eax, ax
    mov eax, [ss:gdtr + 2]
    sub eax, gdt
    mov ebx, cs
    mov edx, ss
    mov ecx, STACK3
    push edx
    mov edx, .outside2
    sysexit
  .outside2:
    mov ecx, ss
    mov edx, cs
    mov esi, [ss:gdtr + 2]
    sub esi, gdt
    hlt
  END
  ret
