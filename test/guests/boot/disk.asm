; Boot sector: reads sectors of the drive that it came from by INT 13h, adds up their bytes, writes the sum into sector 3
; and reads that back; prints both sums and the memory map's number of entries.
; Rebuild disk.bin with:  nasm -f bin -o disk.bin disk.asm

bits 16
org 0x7c00

BUFFER  equ 0x8000
TRACKS  equ 4

        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov [drive], dl
        mov ah, 8               ; geometry
        int 0x13
        and cx, 63
        mov [sectors], cl
        xor ax, ax
        mov es, ax
        xor bp, bp              ; track = cylinder * 2 + head
        xor edi, edi
track:  mov ax, bp
        shr ax, 1
        mov ch, al
        mov dx, bp
        and dl, 1
        mov dh, dl
        mov dl, [drive]
        mov cl, 1
        mov ah, 2
        mov al, [sectors]
        mov bx, BUFFER
        push di
        int 0x13
        pop di
        jc failed
        mov cl, [sectors]
        xor ch, ch
        shl cx, 9
        mov si, BUFFER
        xor eax, eax
sum:    lodsb
        add edi, eax
        loop sum
        inc bp
        cmp bp, TRACKS
        jb track
        mov si, read
        call report
        mov [BUFFER], edi
        mov ax, 0x0301
        call sector3
        mov dword [BUFFER], 0
        mov ax, 0x0201
        call sector3
        mov edi, [BUFFER]
        mov si, back
        call report
        jmp $
failed: mov si, error
        call print
        jmp $

sector3:
        mov bx, BUFFER
        mov cx, 3
        xor dh, dh
        mov dl, [drive]
        push edi
        int 0x13
        pop edi
        jc failed
        ret

report: call print
        mov cx, 8
digit:  rol edi, 4
        mov al, 15
        and ax, di
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        call put
        loop digit
        mov al, 10
        call put
        mov al, 13
        jmp put
print:  lodsb
        test al, al
        jz .done
        call put
        jmp print
.done:  ret
put:    push cx
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        pop cx
        ret

drive:  db 0
sectors: db 0
read:   db 'read ', 0
back:   db 'back ', 0
error:  db 'ERROR', 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
