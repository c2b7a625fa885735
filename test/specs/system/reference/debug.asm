; Debug registers, TF and RF at work.

%include "probe.inc"

%macro SETDR 2
  mov eax, %2
  mov dr%1, eax
%endmacro

main:
  POLICY RETURN
  TEST "single step: three instructions"
    pushfd
    or dword [esp], 0x100
    popfd
    nop
    inc eax
    pushfd
    and dword [esp], ~0x100
    popfd
    nop
  END
  TEST "single step into a repeated MOVS"
    mov ecx, 3
    mov esi, buffer
    mov edi, buffer + 64
    pushfd
    or dword [esp], 0x100
    popfd
    rep movsb
    nop
    push dword 2
    popfd
  END
  TEST "single step over REP with ECX 0"
    xor ecx, ecx
    pushfd
    or dword [esp], 0x100
    popfd
    rep stosb
    push dword 2
    popfd
  END
  TEST "single step over MOV SS and POP SS"
    mov dx, DATA0
    pushfd
    or dword [esp], 0x100
    popfd
    mov ss, dx
    nop
    push ss
    pop ss
    nop
    mov ds, dx
    push dword 2
    popfd
  END
  TEST "single step over INT 0x40"
    pushfd
    or dword [esp], 0x100
    popfd
    int 0x40
    nop
    push dword 2
    popfd
  END
  TEST "INT1"
    db 0xf1
  END
  TEST "INT3 and INTO"
    int3
    into
    mov al, 0x7f
    add al, 1
    into
  END
  POLICY RETURN_RF
  TEST "code breakpoint, RF on return"
    SETDR 0, .bp1
    SETDR 7, 0x401
    nop
.bp1:
    inc ecx
    inc ecx
    SETDR 7, 0x400
  END
  TEST "code breakpoint four times in a loop"
    SETDR 1, .bp2
    SETDR 7, 0x408
    mov ecx, 4
.bp2:
    loop .bp2
    SETDR 7, 0x400
  END
  TEST "code breakpoint on a repeated MOVS"
    SETDR 0, .bp3
    SETDR 7, 0x401
    mov ecx, 3
    mov esi, buffer
    mov edi, buffer + 64
.bp3:
    rep movsb
    SETDR 7, 0x400
  END
  TEST "code breakpoint behind MOV SS is not taken"
    SETDR 0, .bp4
    SETDR 7, 0x401
    mov dx, ss
    mov ss, dx
.bp4:
    nop
    SETDR 7, 0x400
  END
  TEST "code breakpoint on a faulting instruction"
    POLICY SKIP
    mov dword [skip], 0
    SETDR 0, .bp5
    SETDR 7, 0x401
    POLICY RETURN_RF
.bp5:
    ud2
    mov dword [limit], 1
  END
    SETDR 7, 0x400
  TEST "two code breakpoints in one place, one of them off"
    SETDR 0, .bp6
    SETDR 1, .bp6
    SETDR 2, .bp6
    SETDR 7, 0x411
.bp6:
    nop
    SETDR 7, 0x400
  END
  TEST "code breakpoint with TF"
    SETDR 0, .bp7
    SETDR 7, 0x401
    pushfd
    or dword [esp], 0x100
    popfd
    nop
.bp7:
    nop
    push dword 2
    popfd
    SETDR 7, 0x400
  END
  POLICY RETURN
  TEST "write watch: byte, word, dword; reads pass"
    SETDR 0, buffer
    SETDR 7, 0xd0401
    mov edx, [buffer]
    mov [buffer], al
    mov [buffer + 2], ax
    mov [buffer - 3], eax
    mov [buffer - 4], eax
    mov [buffer + 4], eax
    SETDR 7, 0x400
  END
  TEST "access watch of one byte"
    SETDR 2, buffer + 1
    SETDR 7, 0x03000420
    mov edx, [buffer]
    mov dl, [buffer]
    mov dl, [buffer + 1]
    mov [buffer + 1], dl
    inc byte [buffer + 1]
    cmp byte [buffer + 2], 0
    SETDR 7, 0x400
  END
  TEST "watch of a word at an odd address is aligned"
    SETDR 3, buffer + 5
    SETDR 7, 0x50000480
    mov [buffer + 4], al
    mov [buffer + 6], al
    mov [buffer + 3], al
    SETDR 7, 0x400
  END
  TEST "two watches at once"
    SETDR 0, buffer
    SETDR 1, buffer + 2
    SETDR 7, 0x550405
    mov [buffer], eax
    SETDR 7, 0x400
  END
  TEST "watch on the stack: PUSH and CALL"
    mov eax, esp
    sub eax, 4
    mov dr0, eax
    SETDR 7, 0xd0401
    push edx
    SETDR 7, 0x400
    mov eax, esp
    sub eax, 4
    mov dr0, eax
    SETDR 7, 0xd0401
    call .callee
.callee:
    SETDR 7, 0x400
  END
  TEST "watch and repeated MOVS"
    SETDR 0, buffer + 66
    SETDR 7, 0x10401
    mov ecx, 5
    mov esi, buffer
    mov edi, buffer + 64
    rep movsb
    SETDR 7, 0x400
  END
  TEST "watch and repeated STOSD"
    SETDR 0, buffer + 72
    SETDR 7, 0x10401
    mov ecx, 64
    mov edi, buffer + 64
    rep stosd
    SETDR 7, 0x400
  END
  TEST "watch and TF together"
    SETDR 0, buffer
    SETDR 7, 0x10401
    pushfd
    or dword [esp], 0x100
    popfd
    mov [buffer], al
    push dword 2
    popfd
    SETDR 7, 0x400
  END
  TEST "watch hit by MOV SS waits for the next instruction"
    SETDR 0, selector
    SETDR 7, 0x70401
    mov ss, [selector]
    nop
    nop
    SETDR 7, 0x400
  END
  TEST "watch and x87, MMX"
    SETDR 0, buffer + 8
    SETDR 7, 0xd0401
    fld1
    fstp tword [buffer]
    fld1
    fstp qword [buffer + 8]
    fninit
    SETDR 7, 0x400
  END
  TEST "watch across a page end"
    SETDR 0, buffer_end
    SETDR 7, 0x10401
    mov [buffer_end - 2], eax
    mov [buffer_end - 4], eax
    SETDR 7, 0x400
  END
  TEST "watch, local and global bits off: nothing"
    SETDR 0, buffer
    SETDR 7, 0x10700
    mov [buffer], eax
  END
  TEST "an access that faults hits nothing"
    POLICY RESUME
    SETDR 0, buffer
    SETDR 7, 0x30401
    mov edx, buffer
    push dword [buffer]
    mov dx, 0xfff8
    mov ds, dx
  END
  SETDR 7, 0x400
  TEST "debug registers: what sticks"
    SETDR 7, 0xffffffff - 0x2000
    mov ecx, dr7
    SETDR 7, 0x400
    SETDR 6, 0xffffffff
    mov edx, dr6
    SETDR 6, 0
    mov ebx, dr6
    mov ebp, dr7
  END
  TEST "general detect"
    SETDR 7, 0x2400
    mov ecx, dr0
  END
  TEST "general detect is off in the handler"
    mov eax, dr7
  END
  TEST "DR4 and DR5 are DR6 and DR7"
    db 0x0f, 0x21, 0xe0       ; mov eax, dr4
    db 0x0f, 0x21, 0xe9       ; mov ecx, dr5
  END
  mov eax, cr4
  or eax, 8
  mov cr4, eax
  TEST "DR4 with CR4.DE"
    db 0x0f, 0x21, 0xe0
  END
  POLICY RETURN
  TEST "port breakpoint"
    SETDR 0, 0x80
    SETDR 7, 0x20401
    in al, 0x80
    out 0x80, al
    in al, 0x7f
    in ax, 0x7f
    SETDR 7, 0x60401
    in al, 0x81
    in al, 0x82
    SETDR 7, 0x400
  END
  TEST "port breakpoint and OUTS"
    SETDR 0, 0x80
    SETDR 7, 0x20401
    mov edx, 0x80
    mov esi, buffer
    mov ecx, 3
    rep outsb
    SETDR 7, 0x400
  END
  TEST "no port breakpoint without CR4.DE"
    mov eax, cr4
    and eax, ~8
    mov cr4, eax
    SETDR 0, 0x80
    SETDR 7, 0x20401
    in al, 0x80
    mov eax, 0x11111111
    SETDR 7, 0x400
  END
  TEST "DR6 bits stay, B0 to B3 go"
    SETDR 6, 0xffff4ff8
    SETDR 0, .bp8
    SETDR 7, 0x401
    POLICY RETURN_RF
.bp8:
    nop
    SETDR 7, 0x400
  END
  ret

align 4
selector: dw DATA0

align 4096
buffer: times 4096 db 0x5a
buffer_end:
  times 64 db 0
