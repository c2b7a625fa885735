; Boot sector: the keyboard without the BIOS, as games read it. First polled: four bytes from port 60h with interrupts
; off; then by an interrupt handler of its own on IRQ1, four more. Each as two hexadecimal digits on the debug console.
; Last the PIT: counter 2 in mode 0 counts down while its gate is open, its latch stays, and its output rises at the end.
; Rebuild keys.bin with:  nasm -f bin -o keys.bin keys.asm

bits 16
org 0x7c00

        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov al, 'P'
        out 0xe9, al
        mov cx, 4
poll:   in al, 0x64
        test al, 1
        jz poll
        in al, 0x60
        call hex
        loop poll
        mov word [9 * 4], handler
        mov word [9 * 4 + 2], 0
        mov al, 'I'
        out 0xe9, al
        sti
wait4:  hlt
        cmp byte [count], 4
        jb wait4
        cli
        in al, 0x61             ; gate of counter 2 closed, speaker off
        and al, 0xfc
        out 0x61, al
        mov al, 0xb0            ; counter 2, both bytes, mode 0
        out 0x43, al
        mov al, 0x34
        out 0x42, al
        mov al, 0x12
        out 0x42, al
        mov cx, 20000           ; a count is loaded with the next pulse of the clock
.load:  loop .load
        call latch
        cmp ax, 0x1234
        jne bad
        in al, 0x61
        test al, 0x20           ; the output is low while it counts
        jnz bad
        or al, 1
        out 0x61, al
        mov cx, 20000
delay:  loop delay
        call latch
        cmp ax, 0x1230
        ja bad
        mov bx, ax
ends:   in al, 0x61
        test al, 0x20
        jz ends
        mov cx, 20000
.on:    loop .on
        call latch              ; and on behind zero
        cmp ax, bx
        jb bad
        mov al, 0xe8            ; read back: status of counter 2
        out 0x43, al
        in al, 0x42
        and al, 0xbf
        cmp al, 0xb0
        jne bad
        mov al, 'Y'
        jmp end
bad:    mov al, 'N'
end:    out 0xe9, al
halt:   hlt
        jmp halt

; AX := the count of counter 2, latched.
latch:  mov al, 0x80
        out 0x43, al
        in al, 0x42
        mov ah, al
        in al, 0x42
        xchg al, ah
        ret

handler:
        push ax
        in al, 0x60
        call hex
        inc byte [count]
        mov al, 0x20
        out 0x20, al
        pop ax
        iret

hex:    push ax
        shr al, 4
        call digit
        pop ax
digit:  and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        out 0xe9, al
        ret

count   db 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
