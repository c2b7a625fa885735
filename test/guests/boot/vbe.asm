; Boot sector: VBE mode 640 x 480 x 32 with a linear frame buffer, drawn in protected mode: pixel (x, y) is
; (x mod 256) | (y mod 256) << 8 | 80h << 16.
; Rebuild vbe.bin with:  nasm -f bin -o vbe.bin vbe.asm

bits 16
org 0x7c00

WIDTH   equ 640
HEIGHT  equ 480
INFO    equ 0x8000

        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov cx, 0x100
find:   mov ax, 0x4f01          ; mode information
        mov di, INFO
        push cx
        int 0x10
        pop cx
        cmp ax, 0x004f
        jne other
        cmp word [INFO + 0x12], WIDTH
        jne other
        cmp word [INFO + 0x14], HEIGHT
        jne other
        cmp byte [INFO + 0x19], 32
        je found
other:  inc cx
        cmp cx, 0x200
        jb find
        jmp $
found:  mov bx, cx
        or bx, 0x4000
        mov ax, 0x4f02
        int 0x10
        cli
        lgdt [gdtr]
        mov eax, cr0
        inc ax
        mov cr0, eax
        jmp 8:flat

bits 32
flat:   mov ax, 16
        mov ds, ax
        mov es, ax
        xor ebx, ebx
        mov edx, [INFO + 0x28]
row:    mov edi, edx
        movzx eax, bl
        shl eax, 8
        or eax, 0x800000
        mov ecx, WIDTH
pixel:  stosd
        inc al
        loop pixel
        movzx eax, word [INFO + 0x10]
        add edx, eax
        inc ebx
        cmp ebx, HEIGHT
        jb row
halt:   hlt
        jmp halt

gdt:    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   dw 23
        dd gdt

        times 510 - ($ - $$) db 0
        dw 0xaa55
