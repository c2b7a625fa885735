; Boot sector: leaves for protected mode and comes back by resetting the CPU, as programs for the 80286 did: by the
; keyboard controller, by port 92h and by the reset control register. CMOS byte 0Fh holds 0Ah: jump to 40:67 on reset.
; Rebuild reset.bin with:  nasm -f bin -o reset.bin reset.asm

bits 16
org 0x7c00

        jmp 0:start
start:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        mov word [0x467], back
        mov word [0x469], 0
        mov al, 0x0f
        out 0x70, al
        mov al, 0x0a
        out 0x71, al
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 8:protected
protected:
        mov bx, [ways]
        inc word [ways]
        cmp bx, 1
        je port92
        ja control
        mov al, 0xfe
        out 0x64, al
        jmp $
port92: in al, 0x92
        and al, 0xfe
        out 0x92, al
        or al, 1
        out 0x92, al
        jmp $
control:
        mov dx, 0xcf9
        xor al, al
        out dx, al
        mov al, 4
        out dx, al
        jmp $

back:   xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        sti
        mov si, text
        call print
        mov al, [ways]
        add al, '0'
        call put
        cmp word [ways], 3
        jb start
        mov si, done
        call print
halt:   hlt
        jmp halt
%include "print.inc"

gdt:    dq 0, 0x00009a000000ffff, 0x000092000000ffff
gdtr:   dw 23
        dd gdt
ways:   dw 0
text:   db ' back ', 0
done:   db ' done', 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
