; Real mode: limits and wrap-around, faults through the interrupt table, flags, instructions that are not there, segments
; with limits of protected mode.
;
; The real-mode code lies at 0x8000 (CS 0), its stack below; SS is 0, and DS and ES are 0x2000, where memory is filled with
; 0x5A. A probe that raises goes on behind itself.

%include "probe.inc"

DATA_SEGMENT equ 0x2000
STACK_R equ 0x7000

section .real vstart=0x8000 follows=.text align=16
bits 16

; T "name" ... E: registers get known values; what is raised is logged with the IP relative to the probe, and what is on
; the stack.
%macro T 1
%push probe
  jmp %$go
%$name: db %1, 0
%$go:
  mov word [cs:r_name], %$name
  mov word [cs:r_resume], %$end
  mov word [cs:r_first], %$code
  call r_begin
%$code:
%endmacro

%macro E 0
%$end:
  call r_end
%pop
%endmacro

r_begin:
  pop word [cs:r_return]
  mov si, [cs:r_name]
  call r_print
  mov al, 10
  out 0xe9, al
  mov ax, DATA_SEGMENT
  mov ds, ax
  mov es, ax
  push dword 2
  popfd
  mov eax, 0x11111111
  mov ecx, 0x22222222
  mov edx, 0x33333333
  mov ebx, 0x44444444
  mov ebp, 0x55555555
  mov esi, 0x66666666
  mov edi, 0x77777777
  mov byte [cs:r_raised], 0
  jmp word [cs:r_return]

r_end:
  pop word [cs:r_return]
  mov [cs:r_esp], esp
  pushfd
  cld
  pushad
  mov bp, sp
  cmp byte [cs:r_raised], 0
  jne .settle
  mov si, r_text_done
  call r_print
  mov eax, [bp + 32]
  call r_dword
  mov al, ' '
  out 0xe9, al
  mov eax, [cs:r_esp]
  call r_dword
  call r_registers
.settle:
  movzx esp, word [cs:r_level]
  jmp word [cs:r_return]

; One stub for each vector: the IP, CS and FLAGS that were pushed lie on top of the stack that was in use.
%assign vector_number 0
r_stubs:
%rep 32
  push word vector_number
  jmp near r_event
%assign vector_number vector_number + 1
%endrep
R_STUB_BYTES equ 5

r_event:
  mov [cs:r_saved_eax], eax
  pop ax
  mov [cs:r_vector], ax
  pop ax
  mov [cs:r_ip], ax
  pop ax
  mov [cs:r_cs], ax
  pop ax
  mov [cs:r_flags], ax
  mov [cs:r_esp], esp
  mov ax, ss
  mov [cs:r_ss], ax
  xor ax, ax
  mov ss, ax
  mov esp, STACK_R - 64
  mov eax, [cs:r_saved_eax]
  pushfd
  cld
  pushad
  mov bp, sp
  mov byte [cs:r_raised], 1
  mov si, r_text_vector
  call r_print
  mov al, [cs:r_vector]
  call r_byte
  mov al, ' '
  out 0xe9, al
  mov ax, [cs:r_cs]
  call r_word
  mov al, ':'
  out 0xe9, al
  mov ax, [cs:r_ip]
  cmp word [cs:r_cs], 0
  jne .far
  sub ax, [cs:r_first]
.far:
  call r_word
  mov al, ' '
  out 0xe9, al
  mov ax, [cs:r_flags]
  call r_word
  mov al, ' '
  out 0xe9, al
  mov ax, [cs:r_ss]
  call r_word
  mov al, ':'
  out 0xe9, al
  mov eax, [cs:r_esp]
  call r_dword
  call r_registers
  movzx esp, word [cs:r_level]
  jmp word [cs:r_resume]

r_registers:
  mov di, 28
  mov si, r_text_names
.next:
  mov eax, [bp + di]
  mov ebx, [cs:r_presets + di]
  cmp eax, ebx
  je .same
  push eax
  mov al, ' '
  out 0xe9, al
  mov al, [cs:si]
  out 0xe9, al
  mov al, [cs:si + 1]
  out 0xe9, al
  mov al, '='
  out 0xe9, al
  pop eax
  cmp di, 12
  je .same
  call r_dword
.same:
  add si, 2
  sub di, 4
  cmp di, 12
  jne .other
  add si, 2
  sub di, 4
.other:
  cmp di, 0
  jge .next
  mov al, 10
  out 0xe9, al
  ret

r_dword:
  rol eax, 16
  call r_word
  rol eax, 16
r_word:
  xchg al, ah
  call r_byte
  xchg al, ah
r_byte:
  rol al, 4
  call r_digit
  rol al, 4
r_digit:
  push ax
  and al, 15
  add al, '0'
  cmp al, '9'
  jbe .put
  add al, 7
.put:
  out 0xe9, al
  pop ax
  ret
r_print:
  mov al, [cs:si]
  inc si
  test al, al
  jz .end
  out 0xe9, al
  jmp r_print
.end:
  ret

; Entered in 16-bit protected mode.
real_entry:
  mov ax, DATA16
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  mov ss, ax
  mov eax, cr0
  and al, 0xfe
  mov cr0, eax
  jmp 0:real_start
real_start:
  xor ax, ax
  mov ss, ax
  mov esp, STACK_R
  mov ds, ax
  mov word [r_level], STACK_R
  ; the interrupt table
  xor bx, bx
  mov ax, r_stubs
.vector:
  mov [bx], ax
  mov word [bx + 2], 0
  add ax, R_STUB_BYTES
  add bx, 4
  cmp bx, 32 * 4
  jb .vector
  lidt [r_idtr]
  jmp 0:.normal
.normal:

  T "word at FFFF"
    mov bx, 0xffff
    mov ax, [bx]
  E
  T "dword at FFFD"
    mov bx, 0xfffd
    mov eax, [bx]
  E
  T "byte at FFFF, word at FFFE, dword at FFFC"
    mov bx, 0xffff
    mov al, [bx]
    mov ax, [bx - 1]
    mov edx, [bx - 3]
  E
  T "write of a word at FFFF"
    mov bx, 0xffff
    mov [bx], ax
  E
  T "word at BP FFFF: the stack segment"
    mov bp, 0xffff
    mov ax, [bp]
  E
  T "word at BP FFFF with DS"
    mov bp, 0xffff
    mov ax, [ds:bp]
  E
  T "32-bit address beyond 64 KiB"
    mov ebx, 0x10000
    mov al, [ebx]
  E
  T "32-bit address within"
    mov ebx, 0xffff
    mov al, [ebx]
    mov ax, [ebx]
  E
  T "32-bit address through ESP"
    mov esp, 0x10000
    mov al, [esp]
  E
  T "16-bit address wraps"
    mov bx, 0xfff0
    mov si, 0x0020
    mov al, [bx + si]
    lea dx, [bx + si + 0x10]
    lea edi, [bx + si]
  E
  T "xlat wraps"
    mov bx, 0xffff
    mov al, 2
    xlatb
  E
  T "push at SP 0"
    mov cx, ss
    mov dx, DATA_SEGMENT
    mov ss, dx
    mov sp, 0
    push ax
    mov bx, sp
    mov ss, cx
  E
  T "pop at SP FFFF"
    mov sp, 0xffff
    pop ax
  E
  T "pop dword at SP FFFE"
    mov sp, 0xfffe
    pop eax
  E
  T "pop word at SP FFFE, back to SP 0"
    mov cx, ss
    mov dx, DATA_SEGMENT
    mov ss, dx
    mov sp, 0xfffe
    pop ax
    mov bx, sp
    mov ss, cx
  E
  T "ret at SP FFFF"
    mov sp, 0xffff
    ret
  E
  T "retf at SP FFFD"
    mov sp, 0xfffd
    retf
  E
  T "iret at SP FFFB"
    mov sp, 0xfffb
    iret
  E
  T "popa at SP FFF1"
    mov sp, 0xfff1
    popa
  E
  T "leave with BP FFFF"
    mov bp, 0xffff
    leave
  E
  T "jmp near with 32 bits beyond 64 KiB"
    jmp dword 0x12345
  E
  T "ret with 32 bits beyond 64 KiB"
    push dword 0x10000
    o32 ret
  E
  T "jmp far with 32 bits beyond 64 KiB"
    jmp dword 0:0x10000
  E
  T "jcc wraps at 64 KiB"
    mov word [0xfffe], 0x00eb
    mov byte [0], 0xcc
    jmp DATA_SEGMENT:0xfffe
  E
  T "code runs over the end"
    mov byte [0xffff], 0x90
    jmp DATA_SEGMENT:0xffff
  E
  T "an instruction across the end"
    mov word [0xfffe], 0xb890
    jmp DATA_SEGMENT:0xfffe
  E
  T "movs at FFFF"
    mov si, 0xffff
    mov di, 0x100
    movsw
  E
  T "rep movsb wraps"
    mov si, 0xfffe
    mov di, 0x100
    mov cx, 4
    rep movsb
  E
  T "rep stosw onto FFFF"
    mov di, 0xfffb
    mov cx, 4
    rep stosw
  E
  T "a32 rep movsb beyond 64 KiB"
    mov esi, 0xfffe
    mov edi, 0x100
    mov ecx, 4
    a32 rep movsb
  E
  T "les at FFFE"
    mov bx, 0xfffe
    les ax, [bx]
  E
  T "bound"
    mov word [0x200], 1
    mov word [0x202], 5
    mov ax, 5
    bound ax, [0x200]
    mov ax, 6
    bound ax, [0x200]
  E
  T "divide error"
    xor cx, cx
    div cx
  E
  T "idiv overflow"
    mov ax, 0x8000
    mov dx, 0xffff
    mov cx, 0xffff
    idiv cx
  E
  T "aam 0"
    aam 0
  E
  T "into"
    mov al, 0x7f
    add al, 1
    into
  E
  T "int3"
    int3
  E
  T "int1"
    db 0xf1
  E
  T "ud2"
    ud2
  E
  T "lock mov"
    db 0xf0, 0x89, 0x07
  E
  T "16 bytes"
    times 15 db 0x2e
    nop
  E
  T "arpl"
    arpl ax, bx
  E
  T "lldt"
    lldt ax
  E
  T "ltr"
    ltr ax
  E
  T "sldt"
    sldt ax
  E
  T "str"
    str ax
  E
  T "lar"
    lar ax, bx
  E
  T "verr"
    verr ax
  E
  T "sysenter"
    sysenter
  E
  T "smsw, mov cr0, clts, mov dr7, sidt"
    smsw ax
    mov eax, cr0
    clts
    mov edx, dr7
    sidt [0x300]
    mov ecx, [0x300]
  E
  T "flags: NT and IOPL can be set, VM and RF not by POPFD"
    push dword 0x3f7ed7
    popfd
    pushfd
    pop eax
    push dword 2
    popfd
  E
  T "flags: 16 bits"
    push word 0x7ed7
    popf
    pushf
    pop ax
    push dword 2
    popfd
  E
  T "iretd: VM is ignored"
    push dword 0x23002
    push dword 0
    push dword .back
    o32 iret
.back:
    pushfd
    pop eax
    push dword 2
    popfd
  E
  T "single step"
    push word 0x102
    popf
    nop
    nop
  E
  T "INT saves IF and TF, and clears them"
    push word 0x3202
    popf
    int 0x10
  E
  T "interrupt table beyond its limit"
    lidt [cs:r_short]
    int 0x12
    lidt [cs:r_idtr]
  E
    lidt [cs:r_idtr]
  T "interrupt table elsewhere"
    mov ax, [cs:6 * 4]
    mov [0x418], ax
    mov word [0x41a], 0
    lidt [cs:r_moved]
    ud2
  E
    lidt [cs:r_idtr]
  T "segments: FFFF:0010 is above 1 MiB"
    mov ax, 0xffff
    mov es, ax
    mov dword [es:0x20], 0x12345678
    mov eax, [es:0x20]
    mov bx, es
  E
  T "mov cs"
    db 0x8e, 0xc8
  E
  T "pop ss holds the trap off"
    mov ax, ss
    push ax
    pushf
    or word [esp], 0x100
    popf
    pop ss
    nop
    nop
  E
  T "x87: FNSTENV of 16 bits in real mode"
    fninit
    fld1
    fstp qword [0x500]
    fnstenv [0x510]
    mov eax, [0x510 + 6]
    mov edx, [0x510 + 10]
    fninit
  E
  T "x87: FNSTENV of 32 bits in real mode"
    fld1
    fstp qword [0x500]
    o32 fnstenv [0x510]
    mov eax, [0x510 + 12]
    mov ecx, [0x510 + 16]
    mov edx, [0x510 + 20]
    mov ebx, [0x510 + 24]
    fninit
  E
  T "x87 operand across FFFF"
    mov bx, 0xfffc
    fld qword [bx]
  E
  T "movaps across FFFF"
    mov bx, 0xfff8
    movups xmm0, [bx]
  E
  ; limits of 4 GiB from protected mode
  T "unreal mode"
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov cx, DATA0
    mov es, cx
    and al, 0xfe
    mov cr0, eax
    mov ebx, 0x150000
    mov dword [es:ebx], 0x87654321
    mov cx, 0
    mov es, cx
    mov edx, [es:ebx]
    mov eax, 0x11111111
  E
  T "back to limits of 64 KiB"
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov cx, DATA16
    mov es, cx
    and al, 0xfe
    mov cr0, eax
    mov ebx, 0x150000
    mov edx, [es:ebx]
  E
  T "a null segment of protected mode in real mode"
    mov eax, cr0
    or al, 1
    mov cr0, eax
    xor cx, cx
    mov es, cx
    and al, 0xfe
    mov cr0, eax
    mov eax, 0x11111111
    mov cx, DATA_SEGMENT
    mov es, cx
    mov dx, [es:0x10]
  E
  mov al, 0
  out 0xf4, al
.stay:
  hlt
  jmp .stay

align 16
r_text_done   db '  done ', 0
r_text_vector db '  vec ', 0
r_text_names  db 'axcxdxbxspbpsidi'
align 4
r_presets dd 0x77777777, 0x66666666, 0x55555555, 0, 0x44444444, 0x33333333, 0x22222222, 0x11111111
r_idtr  dw 0x3ff
        dd 0
r_short dw 0x47
        dd 0
r_moved dw 0x3ff
        dd 0x20400
align 4
r_saved_eax dd 0
r_esp       dd 0
r_name      dw 0
r_resume    dw 0
r_first     dw 0
r_return    dw 0, 0
r_vector    dw 0
r_ip        dw 0
r_cs        dw 0
r_flags     dw 0
r_ss        dw 0
r_level     dw 0
r_raised    dw 0
r_bytes equ $ - $$

section .text
bits 32
main:
  mov esi, section..real.start
  mov edi, 0x8000
  mov ecx, r_bytes
  rep movsb
  mov edi, 0x20000
  mov ecx, 0x20000
  mov al, 0x5a
  rep stosb
  mov eax, cr4
  or eax, 0x200
  mov cr4, eax
  ; through 16-bit protected mode to real mode
  jmp CODE16:real_entry
