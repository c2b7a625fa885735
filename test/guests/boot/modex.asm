; Boot sector: mode X (320 x 240, unchained). Page 0 is black, page 1 shows colour (x mod 4) + 1 in column x of its upper
; half and a copy of that, made through the latches, in its lower one. The CRTC's start address shows page 1.
; Rebuild modex.bin with:  nasm -f bin -o modex.bin modex.asm

bits 16
org 0x7c00

PAGE_1  equ 320 * 240 / 4

        xor ax, ax
        mov ds, ax
        mov ax, 0x13
        int 0x10
        mov dx, 0x3c4
        mov ax, 0x0604          ; chain-4 off
        out dx, ax
        mov ax, 0x0100          ; reset while the clock changes
        out dx, ax
        mov dx, 0x3c2
        mov al, 0xe3            ; 480 lines
        out dx, al
        mov dx, 0x3c4
        mov ax, 0x0300
        out dx, ax
        mov dx, 0x3d4
        mov al, 0x11            ; unprotect registers 0..7
        out dx, al
        inc dx
        in al, dx
        and al, 0x7f
        out dx, al
        dec dx
        mov si, crtc
        mov cx, (crtc_end - crtc) / 2
set:    lodsw
        out dx, ax
        loop set
        mov ax, 0xa000
        mov es, ax
        mov dx, 0x3c4
        mov ax, 0x0f02          ; both pages black
        out dx, ax
        xor di, di
        xor ax, ax
        mov cx, PAGE_1
        rep stosw
        mov ax, 0x0102          ; plane by plane
        mov bl, 1
plane:  out dx, ax
        push ax
        mov di, PAGE_1
        mov al, bl
        mov cx, PAGE_1 / 2
        rep stosb
        pop ax
        inc bl
        shl ah, 1
        cmp ah, 0x10
        jb plane
        mov ax, 0x0f02
        out dx, ax
        mov dx, 0x3ce
        mov ax, 0x4105          ; write mode 1: copy the latches
        out dx, ax
        push ds
        push es
        pop ds
        mov si, PAGE_1
        mov di, PAGE_1 * 3 / 2
        mov cx, PAGE_1 / 2
        rep movsb
        pop ds
        mov dx, 0x3d4
        mov ax, 0x0c | (PAGE_1 & 0xff00)
        out dx, ax
        mov ax, 0x0d | ((PAGE_1 & 0xff) << 8)
        out dx, ax
halt:   hlt
        jmp halt

crtc:   dw 0x0d06, 0x3e07, 0x4109, 0xea10, 0xac11, 0xdf12, 0x0014, 0xe715, 0x0616, 0xe317
crtc_end:

        times 510 - ($ - $$) db 0
        dw 0xaa55
