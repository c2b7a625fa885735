; Boot sector: 80 x 50 text with the 8 x 8 font of the BIOS. The numbers of the rows on the left, by the BIOS; a bar of
; sixteen backgrounds on the last row, written to B800h with blinking off.
; Rebuild text50.bin with:  nasm -f bin -o text50.bin text50.asm

bits 16
org 0x7c00

        xor ax, ax
        mov ds, ax
        mov ax, 3
        int 0x10
        mov ax, 0x1112
        xor bx, bx
        int 0x10
        mov ax, 0x1003          ; sixteen backgrounds
        xor bx, bx
        int 0x10
        xor cx, cx
row:    mov ah, 2
        xor bx, bx
        mov dh, cl
        xor dl, dl
        int 0x10
        mov al, cl
        aam                     ; AH tens, AL ones
        add ax, 0x3030
        push ax
        mov al, ah
        call put
        pop ax
        call put
        inc cx
        cmp cx, 50
        jb row
        mov ax, 0xb800
        mov es, ax
        mov di, 49 * 160 + 64
        mov ax, 0x0020
bar:    stosw
        add ah, 0x10
        jnc bar
        mov al, 'R'
        out 0xe9, al
halt:   hlt
        jmp halt

put:    mov ah, 0x0e
        mov bx, 7
        int 0x10
        ret

        times 510 - ($ - $$) db 0
        dw 0xaa55
