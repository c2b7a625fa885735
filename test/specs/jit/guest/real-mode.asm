; Real-mode loops for real-mode-regions.spec.ts: each is entered often enough to be compiled. Loaded at 0:1000h and entered
; with CS = DS = ES = SS = 0, SP = 0F00h; the tests' results are words from 0800h on, and HLT ends it all.
; Rebuild real-mode.bin with:  nasm -f bin -o real-mode.bin real-mode.asm

bits 16
org 0x1000

%define RESULT 0x800
%define ROUNDS 40

        cli
        mov word [13 * 4], protect
        mov word [13 * 4 + 2], 0
        mov word [12 * 4], stackfault
        mov word [12 * 4 + 2], 0
        mov word [0x60 * 4], service
        mov word [0x60 * 4 + 2], 0

; 1: offsets of two registers wrap at 64 KiB; the segment changes in the loop.
        mov cx, ROUNDS
        mov ax, 0x2000
wrap:   mov es, ax
        mov bx, 0xfff0
        mov si, 0x20
        mov [es:bx + si + 4], cx
        mov dx, [es:0x14]
        add [RESULT], dx
        inc ax
        loop wrap

; 2: SP wraps, and PUSH and POP of segment registers.
        mov ax, 0x3000
        mov ss, ax
        mov sp, 2
        mov cx, ROUNDS
stack:  push cx
        push es
        push word [RESULT]
        pop dx
        pop ds
        push cs
        pop ds
        pop bx
        add [RESULT + 2], bx
        add [RESULT + 2], sp
        loop stack
        xor ax, ax
        mov ss, ax
        mov sp, 0xf00

; 3: a word at FFFFh raises #GP, whose handler goes on behind the instruction.
        mov cx, ROUNDS
        mov bp, 3
beyond: mov bx, 0xffff
        mov ax, [bx]
        mov [bx], ax
        inc word [RESULT + 4]
        mov di, 0xfffe
        add di, [one]
        mov byte [di], 5
        mov al, [di]
        add [RESULT + 6], ax
        loop beyond

; 4: far calls and returns, far pointers, INT and IRET, near calls through a table.
        mov cx, ROUNDS
far4:   call 0x80:farthing - 0x800
        les di, [pointer]
        mov ax, [es:di]
        add [RESULT + 8], ax
        int 0x60
        mov bx, cx
        and bx, 2
        call [table + bx]
        loop far4

; 5: the same bytes under two code segments, with different offsets.
        mov cx, ROUNDS
twice:  call 0x0000:samecode
        call 0x0040:samecode - 0x400
        loop twice

; 6: 32-bit operands and addresses, string instructions, port of a loop that counts with ECX.
        mov ecx, 300
        mov edi, 0x4000
        xor eax, eax
        cld
sixes:  imul eax, eax, 1103515245
        add eax, 12345
        mov [edi], eax
        add edi, 4
        a32 stosw
        dec ecx
        jnz sixes
        push ds
        mov ax, 0x400
        mov ds, ax
        mov ax, 0x500
        mov es, ax
        xor si, si
        mov di, 0x20
        mov cx, 700
        rep movsw
        mov cx, 333
        std
        rep movsb
        cld
        mov di, 0xff00
        mov cx, 0x140
        mov al, 0x5a
        rep stosb
        pop ds

; 7: variables beside the code that uses them.
        mov cx, 200
beside: inc word [variable]
        mov ax, [variable]
        xor [variable + 2], ax
        jmp short behind
variable:
        dw 1, 2
behind: loop beside
        mov ax, [variable + 2]
        mov [RESULT + 10], ax

; 8: code that changes an operand of its own loop.
        mov cx, 200
own:    mov ax, 0
        add [RESULT + 12], ax
        inc word [own + 1]
        loop own

; 9: a 4 GiB data segment left over from protected mode.
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 8
        mov gs, bx
        and al, 0xfe
        mov cr0, eax
        xor ax, ax
        mov gs, ax
        mov ecx, 200
        mov esi, 0x50000
big:    mov [gs:esi], ecx
        mov edx, [gs:esi]
        add [RESULT + 14], dx
        add esi, 4
        dec ecx
        jnz big

; 10: a jump that wraps at the end of the segment.
        mov ax, 0x4000
        mov es, ax
        mov byte [es:0xfff8], 0x41              ; inc cx
        mov byte [es:0xfff9], 0xeb              ; jmp short to 0004h
        mov byte [es:0xfffa], 0x09
        mov byte [es:0x0004], 0x4b              ; dec bx
        mov byte [es:0x0005], 0x74              ; jz: out
        mov byte [es:0x0006], 0x03
        mov byte [es:0x0007], 0xe9              ; jmp near to FFF8h
        mov word [es:0x0008], 0xffee
        mov byte [es:0x000a], 0xcb              ; retf
        mov bx, 100
        xor cx, cx
        call 0x4000:0xfff8
        mov [RESULT + 16], cx

; 11: the end of the segment is not gone over: #GP there, whose handler returns from the far call.
        mov ax, 0x5000
        mov es, ax
        mov byte [es:0xfffd], 0x41              ; inc cx
        mov word [es:0xfffe], 0x9090            ; nop, nop
        xor cx, cx
        mov dx, 100
        mov word [13 * 4], protect2
past:   call 0x5000:0xfffd
        dec dx
        jnz past
        mov [RESULT + 18], cx
        hlt

; Goes on behind the instruction that faulted, as long as BP says it is.
protect:
        push bp
        mov bp, sp
        push ax
        push si
        push ds
        mov si, [bp + 2]
        mov al, [si]
        add word [bp + 2], 2
        inc word [RESULT + 20]
        pop ds
        pop si
        pop ax
        pop bp
        iret
protect2:
        inc word [RESULT + 22]
        add sp, 6
        retf
stackfault:
        inc word [RESULT + 24]
        hlt
service:
        push ax
        mov ax, [RESULT + 26]
        rol ax, 1
        add ax, cx
        mov [RESULT + 26], ax
        pop ax
        iret
samecode:
        mov ax, cs
        add [RESULT + 28], ax
        call near .next
.next:  pop ax
        add [RESULT + 30], ax
        mov dl, 3
.again: add [RESULT + 30], dl
        dec dl
        jnz .again
        retf
farthing:
        push bp
        mov bp, sp
        mov ax, [bp + 4]
        add [RESULT + 32], ax
        pop bp
        retf
even:   add word [RESULT + 34], 7
        ret
odd:    sub word [RESULT + 36], 3
        ret
table:  dw even, odd
one:    dw 1
pointer:
        dw samecode, 0x0000
        align 8
gdt:    dq 0
        dw 0xffff, 0, 0x9200, 0x00cf
gdtr:   dw 15
        dd gdt
