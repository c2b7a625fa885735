; Boot sector: mode 0Dh, as scrolling games use it. Lines of 44 bytes, shown from address 3 on and panned by 5 dots; from
; scan line 200 on, the split screen: address 0, not panned. Dot 0 of each byte is white, the others have the colour of
; its address modulo 7, and one. Then the palette is made of other colours by attribute controller and converter, and
; both are read back: PASS or FAIL on the debug console.
; Rebuild split.bin with:  nasm -f bin -o split.bin split.asm

bits 16
org 0x7c00

LINE    equ 44

        xor ax, ax
        mov ds, ax
        mov ax, 0x0d
        int 0x10
        mov ax, 0xa000
        mov es, ax
plane:  mov dx, 0x3c4
        mov al, 2
        mov ah, [mask]          ; map mask
        out dx, ax
        xor di, di
        xor cx, cx              ; address modulo 7
cell:   mov al, cl
        inc al
        test al, [mask]
        mov al, 0x80
        jz .zero
        mov al, 0xff
.zero:  stosb
        inc cx
        cmp cx, 7
        jb .next
        xor cx, cx
.next:  cmp di, 0x2800
        jb cell
        shl byte [mask], 1
        cmp byte [mask], 16
        jb plane

        mov dx, 0x3d4
        mov si, crtc
        mov cx, (crtc_end - crtc) / 2
.crtc:  lodsw
        out dx, ax
        loop .crtc
        mov al, 7               ; line compare bit 8
        out dx, al
        inc dx
        in al, dx
        and al, 0xef
        out dx, al
        dec dx
        mov al, 9               ; bit 9
        out dx, al
        inc dx
        in al, dx
        and al, 0xbf
        out dx, al

        mov bx, 0x2a05          ; palette register 5: 2Ah
        call attribute
        mov bx, 0x0533          ; panning: 5, the screen stays on
        call attribute
        mov bx, 0x2130          ; the split screen is not panned
        call attribute
        mov dx, 0x3c8
        mov al, 0x2a            ; converter entry 2Ah: 10, 20, 3F
        out dx, al
        inc dx
        mov al, 0x10
        out dx, al
        mov al, 0x20
        out dx, al
        mov al, 0x3f
        out dx, al
        mov dx, 0x3c7
        mov al, 0x2a
        out dx, al
        mov dx, 0x3c9
        in al, dx
        mov bl, al
        in al, dx
        add bl, al
        in al, dx
        add bl, al
        cmp bl, 0x6f
        jne fail
        mov dx, 0x3da
        in al, dx
        mov dx, 0x3c0
        mov al, 5               ; reading the palette blanks the screen until bit 5 is set again
        out dx, al
        inc dx
        in al, dx
        mov bl, al
        mov dx, 0x3da
        in al, dx
        mov dx, 0x3c0
        mov al, 0x20
        out dx, al
        mov si, pass
        cmp bl, 0x2a
        je say
fail:   mov si, failed
say:    lodsb
        test al, al
        jz halt
        out 0xe9, al
        jmp say
halt:   hlt
        jmp halt

; Writes BH to attribute register BL; bit 5 of BL keeps the screen on.
attribute:
        mov dx, 0x3da
        in al, dx
        mov dx, 0x3c0
        mov al, bl
        out dx, al
        mov al, bh
        out dx, al
        mov al, 0x20
        out dx, al
        ret

mask    db 1
crtc    dw ((LINE / 2) << 8) | 0x13, 0x0c | (0 << 8), 0x0d | (3 << 8), 0x18 | (199 << 8)
crtc_end:
pass    db 'PASS', 10, 0
failed  db 'FAIL', 10, 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
