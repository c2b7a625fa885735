; Boot sector that loads a reference program from the sectors behind it to 1 MiB and enters it in flat protected mode,
; for machines that do not load Multiboot images (Bochs).
; nasm -f bin -DPROGRAM='"debug.bin"' -o debug.img floppy.asm gives a whole 1.44 MB floppy image.

bits 16
org 0x7c00
SECTORS_PER_TRACK equ 18
BUFFER_SEGMENT    equ 0x1000

start:
  cli
  xor ax, ax
  mov ds, ax
  mov ss, ax
  mov sp, 0x7c00
  mov ax, BUFFER_SEGMENT
  mov es, ax
  in al, 0x92
  or al, 2
  out 0x92, al
  sti
  mov si, 1                   ; logical sector
.read:
  mov ax, si
  xor dx, dx
  mov cx, SECTORS_PER_TRACK
  div cx
  inc dl
  mov cl, dl                  ; sector
  mov dh, al
  and dh, 1                   ; head
  shr al, 1
  mov ch, al                  ; cylinder
  mov dl, 0
  mov ax, 0x0201
  xor bx, bx
  int 0x13
  jc start
  mov ax, es
  add ax, 32
  mov es, ax
  inc si
  cmp si, (PROGRAM_BYTES + 511) / 512 + 1
  jb .read
  cli
  lgdt [gdtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp 8:flat
bits 32
flat:
  mov ax, 16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esi, BUFFER_SEGMENT * 16
  mov edi, 0x100000
  mov ecx, PROGRAM_BYTES
  cld
  rep movsb
  mov eax, [0x100000 + 28]    ; entry address in the Multiboot header
  jmp eax
align 8
gdt:
  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:
  dw 23
  dd gdt
  times 510 - ($ - $$) db 0
  dw 0xaa55
program:
  incbin PROGRAM
PROGRAM_BYTES equ $ - program
  times 1474560 - ($ - $$) db 0
