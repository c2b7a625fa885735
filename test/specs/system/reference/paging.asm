; Paging: rights, error codes, accessed and dirty bits, large pages, reserved bits, NX, the TLB.

%include "probe.inc"

DIRECTORY equ 0x300000
TABLE     equ 0x301000     ; maps 4 MiB from 0x40000000
POINTERS  equ 0x302000
DIRECTORY_PAE equ 0x303000 ; maps 1 GiB from 0
DIRECTORY_HIGH equ 0x304000; maps 1 GiB from 0x40000000
TABLE_PAE equ 0x305000
FRAME     equ 0x310000
WINDOW    equ 0x40000000

; ACCESSES "name": reads, writes and fetches of WINDOW at levels 0 and 3, each from scratch; the low byte of the page
; table entry [entry_at] and directory entry [directory] is in DL and DH afterwards.
%macro ONE 2-9 nop, nop, nop, nop, nop, nop, nop
  TEST %1
    call reset_entries
    %2
    %3
  END
  call show_entries
%endmacro
%macro ONE3 2-9 nop, nop, nop, nop, nop, nop, nop
  call reset_entries
  TEST3 %1
    %2
    %3
    %4
    %5
    %6
    %7
    %8
  END3
  call show_entries
%endmacro
%macro ACCESSES 0
  ONE "read", {mov al, [WINDOW]}
  ONE "write", {mov [WINDOW], al}
  ONE "modify", {inc byte [WINDOW]}
  ONE "cmp", {cmp byte [WINDOW], 0}
  ONE "fetch", {call WINDOW + 0x800}
  ONE "read across", {mov eax, [WINDOW + 0xffe]}
  ONE "write across", {mov [WINDOW + 0xffe], eax}
  ONE3 "level 3: read", {mov al, [WINDOW]}
  ONE3 "level 3: write", {mov [WINDOW], al}
  ONE3 "level 3: modify", {add [WINDOW], al}
  ONE3 "level 3: fetch", {call WINDOW + 0x800}
  ONE3 "level 3: push", {mov esp, WINDOW + 8}, {push eax}
  ONE3 "level 3: read across", {mov eax, [WINDOW + 0xffe]}
  ONE3 "level 3: write across", {mov [WINDOW + 0xffe], eax}
  ONE3 "level 3: movs", {mov esi, WINDOW}, {mov edi, FRAME}, {mov ecx, 2}, {rep movsb}, {xor ecx, ecx}, {mov esi, 0x66666666}, {mov edi, 0x77777777}
%endmacro

; Every combination of the bits in %3 for the entry of %2 bytes at [entry_at].
%macro ALL_ENTRIES 1-*
%rep %0
  mov dword [low], %1
  mov esi, text_entry
  call print
  mov eax, [low]
  call print_dword
  mov al, 10
  call putc
  ACCESSES
%rotate 1
%endrep
%endmacro

main:
  mov byte [0], 0x5a
  mov byte [0x800], 0xc3
  mov edi, DIRECTORY
  mov ecx, 0x10000 / 4
  xor eax, eax
  rep stosd
  mov byte [FRAME + 0x800], 0xc3
  ; 32-bit paging: the first 8 MiB as large pages for all levels, then the window
  mov eax, cr4
  or eax, 0x10
  mov cr4, eax
  mov dword [DIRECTORY], 0xe7
  mov dword [DIRECTORY + 4], 0x4000e7
  mov dword [DIRECTORY + (WINDOW >> 20)], TABLE + 7
  mov dword [entry_at], TABLE
  mov dword [directory], DIRECTORY + (WINDOW >> 20)
  mov dword [directory_low], TABLE + 7
  mov eax, DIRECTORY
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  ALL_ENTRIES FRAME, FRAME + 1, FRAME + 3, FRAME + 5, FRAME + 7, FRAME + 0x67, FRAME + 0x107
  ; CR0.WP
  mov eax, cr0
  or eax, 0x10000
  mov cr0, eax
  ALL_ENTRIES FRAME + 1, FRAME + 5
  mov eax, cr0
  and eax, ~0x10000
  mov cr0, eax
  ; rights of the directory
  mov dword [directory_low], TABLE + 1
  ALL_ENTRIES FRAME + 7
  mov dword [directory_low], TABLE + 5
  ALL_ENTRIES FRAME + 7
  mov dword [directory_low], TABLE + 6
  ALL_ENTRIES FRAME + 7
  ; large pages, and their reserved bits
  mov dword [directory_low], 0x87
  ALL_ENTRIES FRAME + 7
  mov dword [directory_low], 0x81
  ALL_ENTRIES FRAME + 7
  mov dword [directory_low], 0x200087
  ALL_ENTRIES FRAME + 7
  mov dword [directory_low], TABLE + 7
  mov dword [low], FRAME + 7
  ; the TLB
  TEST "a changed entry is seen after INVLPG"
    call reset_entries
    mov dword [FRAME], 0x12345678
    mov dword [FRAME + 0x1000], 0x9abcdef0
    mov eax, [WINDOW]
    mov dword [TABLE], FRAME + 0x1007
    invlpg [WINDOW]
    mov ecx, [WINDOW]
  END
  TEST "a global page survives CR3, not CR4.PGE"
    mov eax, cr4
    or eax, 0x80
    mov cr4, eax
    mov dword [TABLE], FRAME + 0x107
    invlpg [WINDOW]
    mov ecx, [WINDOW]
    mov dword [TABLE], FRAME + 0x1007
    mov eax, cr3
    mov cr3, eax
    mov edx, [WINDOW]
    mov eax, cr4
    and eax, ~0x80
    mov cr4, eax
    mov ebx, [WINDOW]
  END
  ; PAE
  mov eax, cr0
  and eax, 0x7fffffff
  mov cr0, eax
  mov dword [POINTERS], DIRECTORY_PAE + 1
  mov dword [POINTERS + 8], DIRECTORY_HIGH + 1
  mov dword [DIRECTORY_PAE], 0xe7
  mov dword [DIRECTORY_PAE + 8], 0x2000e7
  mov dword [DIRECTORY_HIGH], TABLE_PAE + 7
  mov dword [TABLE_PAE], FRAME + 7
  mov dword [entry_at], TABLE_PAE
  mov dword [directory], DIRECTORY_HIGH
  mov dword [directory_low], TABLE_PAE + 7
  mov eax, POINTERS
  mov cr3, eax
  mov eax, cr4
  or eax, 0x20
  mov cr4, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  ALL_ENTRIES FRAME, FRAME + 1, FRAME + 7
  mov dword [high], 0x80000000
  ALL_ENTRIES FRAME + 7
  mov dword [high], 0x00100000
  ALL_ENTRIES FRAME + 7
  ; NX
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x800
  wrmsr
  mov dword [high], 0x80000000
  ALL_ENTRIES FRAME + 7, FRAME + 5
  mov dword [high], 0
  mov dword [directory_high], 0x80000000
  ALL_ENTRIES FRAME + 7
  mov dword [directory_high], 0
  mov dword [directory_low], 0x87
  ALL_ENTRIES FRAME + 7
  mov dword [directory_low], 0x2087
  ALL_ENTRIES FRAME + 7
  mov dword [directory_low], TABLE_PAE + 7
  TEST "PDPTE with reserved bits: MOV CR3 raises #GP"
    mov dword [POINTERS + 16], 3
    mov eax, cr3
    mov cr3, eax
  END
  mov dword [POINTERS + 16], 0
  TEST "a PDPTE is read at MOV CR3 only"
    mov dword [POINTERS + 8], 0
    mov dword [low], FRAME + 7
    mov al, [WINDOW + 0x5000]
    invlpg [WINDOW]
    mov al, [WINDOW]
  END
  TEST "then it is gone"
    mov eax, cr3
    mov cr3, eax
    mov al, [WINDOW]
  END
  TEST "PDPTE with reserved bits, not present"
    mov dword [POINTERS + 16], 0x1e6
    mov eax, cr3
    mov cr3, eax
    xor eax, eax
  END
  jmp finish

; Writes the entries that the probes begin with, and forgets what the TLB has of them.
reset_entries:
  push eax
  push ebx
  mov ebx, [entry_at]
  mov eax, [low]
  mov [ebx], eax
  cmp dword [entry_at], TABLE
  je .narrow
  mov eax, [high]
  mov [ebx + 4], eax
  mov dword [ebx + 8], 0
.narrow:
  mov dword [TABLE + 4], 0
  mov ebx, [directory]
  mov eax, [directory_low]
  mov [ebx], eax
  cmp dword [entry_at], TABLE
  je .done
  mov eax, [directory_high]
  mov [ebx + 4], eax
.done:
  invlpg [WINDOW]
  invlpg [WINDOW + 0x1000]
  pop ebx
  pop eax
  ret

show_entries:
  mov esi, text_shown
  call print
  mov ebx, [entry_at]
  mov eax, [ebx]
  call print_word
  mov al, 32
  call putc
  ; CPUs set the accessed bit of a directory entry whether the table's entry is present or not; Bochs does not.
  mov ebx, [directory]
  mov eax, [ebx]
  test al, 0x80
  jnz .leaf
  and al, ~0x20
.leaf:
  call print_word
  mov al, 10
  call putc
  ret

align 256
text_entry db 'entry ', 0
text_shown db '  entries ', 0
  align 4
low            dd 0
high           dd 0
directory_low  dd 0
directory_high dd 0
entry_at       dd 0
directory      dd 0
