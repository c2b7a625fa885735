; Boot sector: mode 12h. Sixteen bars of 40 x 100 dots by set/reset and bit mask; below, the word HI by the BIOS; then a
; line of single dots by write mode 2 with XOR on the bars.
; Rebuild planar.bin with:  nasm -f bin -o planar.bin planar.asm

bits 16
org 0x7c00

        mov ax, 0x12
        int 0x10
        mov ax, 0xa000
        mov es, ax
        mov dx, 0x3ce
        mov ax, 0x0f01          ; set/reset in all planes
        out dx, ax
        xor bx, bx              ; bar
bar:    mov ah, bl
        mov al, 0
        out dx, ax
        mov di, bx
        lea di, [di + bx]
        lea di, [di + bx]
        add di, bx
        add di, bx              ; five bytes a bar
        mov cx, 100
line:   push cx
        mov cx, 5
byte5:  mov al, [es:di]         ; fills the latches
        stosb
        loop byte5
        add di, 75
        pop cx
        loop line
        inc bx
        cmp bx, 16
        jb bar
        mov ax, 0x0001
        out dx, ax
        mov ax, 0x1803          ; XOR
        out dx, ax
        mov ax, 0x0205          ; write mode 2
        out dx, ax
        mov ax, 0x8008          ; the first dot of each byte
        out dx, ax
        mov di, 50 * 80
        mov cx, 80
dot:    mov al, [es:di]
        mov al, 15
        stosb
        loop dot
        mov ax, 0x0003
        out dx, ax
        mov ax, 0x0005
        out dx, ax
        mov ax, 0xff08
        out dx, ax
        mov ah, 2               ; the cursor to row 20
        xor bx, bx
        mov dx, 0x1400
        int 0x10
        mov ax, 0x0e48
        mov bx, 14
        int 0x10
        mov ax, 0x0e49
        int 0x10
halt:   hlt
        jmp halt

        times 510 - ($ - $$) db 0
        dw 0xaa55
