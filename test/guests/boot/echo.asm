; Boot sector: says hello through the BIOS and echoes keys; Esc counts timer ticks for a second and prints them.
; Rebuild echo.bin with:  nasm -f bin -o echo.bin echo.asm

bits 16
org 0x7c00

        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        mov ax, 3
        int 0x10
        mov si, hello
        call print
next:   xor ax, ax
        int 0x16
        cmp al, 27
        je ticks
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        cmp al, 13
        jne next
        mov al, 10
        int 0x10
        jmp next

; Ticks of INT 8 while the RTC's seconds change once: 18 or 19.
ticks:  call second
        mov bl, al
.start: call second
        cmp al, bl
        je .start
        mov bl, al
        mov cx, [0x46c]
.count: call second
        cmp al, bl
        je .count
        mov ax, [0x46c]
        sub ax, cx
        mov si, label
        push ax
        call print
        pop ax
        aam
        add ax, '00'
        push ax
        mov al, ah
        call put
        pop ax
        call put
        jmp next

; The seconds, after the next interrupt.
second: hlt
        xor al, al
        out 0x70, al
        in al, 0x71
        ret

%include "print.inc"

hello:  db 'ECHO ready', 13, 10, 0
label:  db 'ticks ', 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
