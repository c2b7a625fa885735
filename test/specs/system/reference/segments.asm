; Loads of segment registers, accesses through them, and the instructions that ask about selectors, over all types,
; privilege levels and limits.

%include "probe.inc"

SEL equ FREE

; LOADS "name", RPL, instructions: for every access byte of a descriptor.
%macro LOADS 3-5 nop, nop
  mov dword [access], 0
%%next:
  DESCRIPTOR SEL, 0x1000, 0xfffff, [access], 0xc0
  mov esi, text_access
  call print
  mov al, [access]
  call print_byte
  mov al, ' '
  call putc
  TEST %1
    mov ax, SEL | %2
    %3
    %4
    %5
  END
  inc dword [access]
  cmp dword [access], 256
  jb %%next
%endmacro

%macro LOADS3 3-5 nop, nop
  mov dword [access], 0
%%next:
  DESCRIPTOR SEL, 0x1000, 0xfffff, [access], 0xc0
  mov esi, text_access
  call print
  mov al, [access]
  call print_byte
  mov al, ' '
  call putc
  TEST3 %1
    mov ax, SEL | %2
    %3
    %4
    %5
  END3
  inc dword [access]
  cmp dword [access], 256
  jb %%next
%endmacro

; BOUNDS "name", flags, access byte, limit: bytes, words and dwords around the limit
%macro BOUNDS 4
  DESCRIPTOR SEL, buffer, %4, %3, %2
  mov dword [size], 1
%%size:
  mov dword [offset], -6
%%offset:
  mov esi, text_offset
  call print
  mov eax, [size]
  call print_byte
  mov eax, [offset]
  add eax, %4
  call print_dword
  mov al, ' '
  call putc
  TEST %1
    mov ax, SEL
    mov ebx, [offset]
    add ebx, %4
    mov ecx, [size]
    mov es, ax
    cmp ecx, 1
    je %%byte
    cmp ecx, 2
    je %%word
    mov edx, [es:ebx]
    jmp %%read
%%byte:
    mov dl, [es:ebx]
    jmp %%read
%%word:
    mov dx, [es:ebx]
%%read:
  END
  inc dword [offset]
  cmp dword [offset], 4
  jl %%offset
  shl dword [size], 1
  cmp dword [size], 4
  jbe %%size
%endmacro

main:
  LOADS "mov ds, rpl 0", 0, {mov ds, ax}
  LOADS "mov es, rpl 3", 3, {mov es, ax}
  LOADS "mov ss, rpl 0", 0, {mov ss, ax}, {mov cx, DATA0}, {mov ss, cx}
  LOADS3 "level 3: mov fs, rpl 3", 3, {mov fs, ax}
  LOADS3 "level 3: mov ss, rpl 3", 3, {mov ss, ax}, {mov cx, DATA3}, {mov ss, cx}
  LOADS "lar", 3, {lar edx, eax}
  LOADS3 "level 3: lar", 3, {lar edx, eax}
  LOADS "lsl", 0, {lsl edx, eax}
  LOADS3 "level 3: lsl", 1, {lsl edx, eax}
  LOADS "verr", 1, {verr ax}
  LOADS "verw", 0, {verw ax}
  LOADS3 "level 3: verr", 0, {verr ax}
  LOADS "lldt", 0, {lldt ax}
  xor eax, eax
  lldt ax
  LOADS "ltr", 0, {ltr ax}
  mov byte [gdt + TSS_MAIN + 5], 0x89
  mov ax, TSS_MAIN
  ltr ax

  BOUNDS "read at the limit, byte granular", 0x40, 0x93, 0x123
  BOUNDS "read at the limit, page granular", 0xc0, 0x93, 0
  BOUNDS "expand down, 32 bits", 0x40, 0x97, 0x123
  BOUNDS "expand down, 16 bits", 0x00, 0x97, 0x123
  BOUNDS "expand down, page granular", 0xc0, 0x97, 0
  BOUNDS "execute/read", 0x40, 0x9b, 0x123
  BOUNDS "execute only", 0x40, 0x99, 0x123

  DESCRIPTOR SEL, buffer, 0x123, 0x97, 0x00
  TEST "expand down, 16 bits: up to FFFF"
    mov ax, SEL
    mov es, ax
    mov dl, [es:0xffff]
    mov dx, [es:0xffff]
  END
  DESCRIPTOR SEL, buffer, 0x123, 0x97, 0x40
  TEST "expand down, 32 bits: wrap at 4 GiB"
    mov ax, SEL
    mov es, ax
    mov dl, [es:0xffffffff]
    mov dx, [es:0xffffffff]
  END
  TEST "flat: wrap at 4 GiB"
    mov dx, [0xffffffff]
    mov dx, 0
  END
  TEST "read-only: write"
    DESCRIPTOR SEL, buffer, 0x123, 0x91, 0x40
    mov ax, SEL
    mov es, ax
    mov dl, [es:0]
    mov [es:0], dl
  END
  TEST "code segment: write"
    mov [cs:buffer], al
  END
  TEST "null in ES: load"
    xor eax, eax
    mov es, ax
    mov dl, [es:0]
  END
  TEST "null in FS with RPL 3, read back"
    mov ax, 3
    mov fs, ax
    mov dx, fs
    mov dl, [fs:0]
  END
  TEST "null in SS"
    mov ax, 3
    mov ss, ax
  END
  TEST3 "null in SS at level 3"
    mov ax, 3
    mov ss, ax
  END3
  TEST "selector beyond the GDT"
    mov ax, 0xfff8
    mov gs, ax
  END
  TEST "selector in a null LDT"
    mov ax, 0x0c
    mov gs, ax
  END
  DESCRIPTOR SEL, buffer, 0xfff, 0xf3, 0x40
  TEST3 "SS limit: push"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0x1002
    push eax
  END3
  TEST3 "SS limit: pop"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0xffe
    pop eax
  END3
  TEST3 "SS through EBP"
    mov ax, SEL | 3
    mov ss, ax
    mov ebp, 0x1000
    mov edx, [ebp]
  END3
  TEST3 "SS through EBP with DS override"
    mov ax, SEL | 3
    mov ss, ax
    mov ebp, 0x1000
    mov dl, [ds:ebp + buffer]
  END3
  TEST3 "CALL beyond the stack"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 2
    call .never
.never:
  END3
  TEST3 "PUSHA at the end of the stack"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 28
    pushad
  END3
  TEST3 "ENTER at the end of the stack"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 28
    enter 32, 0
  END3
  DESCRIPTOR SEL, buffer, 0xffff, 0xf3, 0
  TEST3 "16-bit stack: SP wraps, ESP above stays"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0x99990002
    push ax
    push ax
    mov edx, esp
  END3
  TEST3 "16-bit stack: push dword at SP 2"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0x99990002
    push eax
    mov edx, esp
  END3
  TEST3 "16-bit stack: push dword at SP 0"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0x99990000
    push eax
    mov edx, esp
  END3
  TEST3 "16-bit stack: pop dword at SP FFFE"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0x9999fffe
    pop eax
  END3
  TEST3 "16-bit stack: pop dword at SP FFFC"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0x9999fffc
    pop edx
    mov ecx, esp
  END3
  TEST3 "16-bit stack: ENTER, LEAVE"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0x99991000
    enter 8, 3
    mov edx, esp
    mov ecx, ebp
    leave
    mov ebx, esp
  END3
  TEST3 "16-bit stack: CALL and RET"
    mov ax, SEL | 3
    mov ss, ax
    mov esp, 0x99990004
    call .there
.there:
    mov edx, esp
    push dword .back
    ret
.back:
    mov ecx, esp
    push esp
    pop ebx
    push sp
    pop bx
  END3
  TEST "accessed bit is set by a load"
    DESCRIPTOR SEL, buffer, 0xffff, 0x92, 0
    mov ax, SEL
    mov es, ax
    mov dl, [gdt + SEL + 5]
    DESCRIPTOR SEL, buffer, 0xffff, 0x9a, 0
    lar ecx, eax
    mov dh, [gdt + SEL + 5]
  END
  TEST "LDS with a bad selector"
    push word 0xfff8
    push dword 0x12345678
    lds edx, [esp]
  END
  TEST "LSS"
    mov dword [buffer], 0x1e0000
    mov word [buffer + 4], DATA0
    lss esp, [buffer]
    mov edx, esp
    mov esp, [saved_esp]
  END
  TEST "POP SS with a bad selector keeps ESP"
    push dword CODE0
    mov [buffer], esp
    POLICY RESUME
    pop ss
  END
  TEST "PUSH FS, POP GS in 16 bits"
    mov edx, esp
    push word 0
    o16 push fs
    o16 pop gs
    sub edx, esp
  END
  TEST "ARPL"
    mov ax, 0x10
    mov cx, 3
    arpl ax, cx
    setz dl
    arpl ax, cx
    setz dh
  END
  TEST "MOV r32, Sreg; MOV m, Sreg"
    mov dword [buffer], -1
    mov edx, ds
    mov [buffer], ds
    mov ecx, [buffer]
  END
  TEST "MOV CS, AX"
    mov eax, CODE0
    db 0x8e, 0xc8
  END
  TEST "MOV AX, segment 6"
    db 0x8c, 0xf0
  END
  TEST "MOV segment 7, AX"
    db 0x8e, 0xf8
  END
  ; LDT
  TEST "a segment in an LDT"
    DESCRIPTOR SEL, ldt, 15, 0x82, 0
    mov ax, SEL
    lldt ax
    mov ax, 0x0c
    mov es, ax
    mov dl, [es:buffer]
    sldt ecx
    mov ax, 0x14
    mov es, ax
  END
  xor eax, eax
  lldt ax
  TEST "GDT limit in the middle of a descriptor"
    sub word [gdtr], 1
    lgdt [gdtr]
    mov ax, gdt_end - gdt - 8
    mov es, ax
  END
  add word [gdtr], 1
  lgdt [gdtr]
  ret

align 256
text_access db 'access ', 0
text_offset db 'size:offset ', 0
access  dd 0
size    dd 0
offset  dd 0
  align 8
ldt:
  dq 0, 0x00cf93000000ffff
align 4096
buffer: times 8192 db 0x5a
