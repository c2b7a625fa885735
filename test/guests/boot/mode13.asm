; Boot sector: mode 13h with a palette of its own; pixel (x, y) has colour (x + y) mod 256. Colour i is (i / 4, 0, 63 - i / 4).
; Rebuild mode13.bin with:  nasm -f bin -o mode13.bin mode13.asm

bits 16
org 0x7c00

        mov ax, 0x13
        int 0x10
        mov dx, 0x3c8
        xor ax, ax
        out dx, al
        inc dx
        xor cx, cx
color:  mov al, cl
        shr al, 2
        out dx, al
        xor al, al
        out dx, al
        mov al, cl
        shr al, 2
        xor al, 63
        out dx, al
        inc cl
        jnz color
        mov ax, 0xa000
        mov es, ax
        xor di, di
        xor bx, bx
row:    mov al, bl
        mov cx, 320
pixel:  stosb
        inc al
        loop pixel
        inc bx
        cmp bx, 200
        jb row
halt:   hlt
        jmp halt

        times 510 - ($ - $$) db 0
        dw 0xaa55
