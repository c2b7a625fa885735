; Random instructions, one at a time, in every mode: 32- and 16-bit code at levels 0 and 3, virtual-8086 mode with
; IOPL 0 and 3. Each case has random registers, flags, segments and memory, and single-steps one instruction.
;
; Every vector is a task gate to a task of its own, which finds the outcome in the TSS of the task that was left, logs
; it, fills that TSS with the next case, and returns to it. A line is
;   environment, code bytes : vector [error] [CR2], EIP, EFLAGS, registers and segments that changed, sum of the memory
;
; At level 0 what would take the machine away is left out: I/O, HLT, far transfers, loads of SS, CR, DR, GDTR, IDTR,
; LDTR, TR. x87, MMX and SSE raise #NM, since task switches set CR0.TS: the vectors of real CPUs (test/vectors) have
; those.
;   nasm -DSEED=1 -DCASES=1000

%include "probe.inc"

PAGES       equ 0x200000       ; page directory, then one table for the first 4 MiB
TABLE       equ 0x201000
PRESENT     equ 1
WRITABLE    equ 2
USER        equ 4
DIRTY       equ 0x40

DATA        equ 0x40000        ; a page that level 3 writes, one that it reads, one that it may not see
DATA_BYTES  equ 0x2000
CODE        equ 0x50000
CODE_BYTES  equ 0x1000
SLED        equ 0x800          ; where gates and the interrupt vectors of virtual-8086 mode lead: NOPs
STACK_INNER equ 0x60000
HANDLER_STACK equ 0x1c0000
pattern       equ 0x1d0000     ; what DATA holds before a case
handler_tasks equ 0x1e0000

; Selectors of the second GDT, from FREE on.
U_CODE32    equ 0x28 + 3
U_CODE16    equ 0x30 + 3
S_CODE32    equ 0x38
S_CODE16    equ 0x40
U_DATA32    equ 0x48 + 3
U_DATA16    equ 0x50 + 3
S_DATA32    equ 0x58
S_DATA16    equ 0x60
CASE_TSS    equ 0xf0
HANDLER_TSS equ 0x100

; Offsets in a TSS.
T_LINK   equ 0x00
T_ESP0   equ 0x04
T_SS0    equ 0x08
T_CR3    equ 0x1c
T_EIP    equ 0x20
T_EFLAGS equ 0x24
T_EAX    equ 0x28
T_ESP    equ 0x38
T_ES     equ 0x48
T_CS     equ 0x4c
T_SS     equ 0x50
T_DS     equ 0x54
T_MAP    equ 0x66
TSS_BYTES equ 0x68

ENVIRONMENTS equ 6             ; user 32, user 16, system 32, system 16, virtual-8086 IOPL 3, virtual-8086 IOPL 0

main:
  lgdt [gdtr2]
  ; identity map of 4 MiB for the supervisor; a few pages for level 3
  mov edi, PAGES
  mov ecx, 0x400
  xor eax, eax
  rep stosd
  mov dword [PAGES], TABLE | PRESENT | WRITABLE | USER
  mov eax, PRESENT | WRITABLE
  mov edi, TABLE
  mov ecx, 0x400
.page:
  stosd
  add eax, 0x1000
  loop .page
  or dword [TABLE + (DATA >> 12) * 4], USER
  mov dword [TABLE + (DATA >> 12) * 4 + 4], (DATA + 0x1000) | PRESENT | USER
  or dword [TABLE + (CODE >> 12) * 4], USER
  mov dword [TABLE], PRESENT | USER
  mov dword [TABLE + 0x70 * 4], 0
  xor edi, edi
  mov ecx, 0x100
  mov eax, (CODE >> 4) << 16 | SLED
  rep stosd
  ; handler tasks
  xor ebx, ebx
  mov edi, handler_tasks
.task:
  mov ecx, TSS_BYTES / 4
  push edi
  xor eax, eax
  rep stosd
  pop edi
  mov dword [edi + T_CR3], PAGES
  mov dword [edi + T_EIP], outcome
  mov dword [edi + T_EFLAGS], 2
  mov [edi + T_EAX], ebx
  mov dword [edi + T_ESP], HANDLER_STACK
  mov word [edi + T_ES], DATA0
  mov word [edi + T_CS], CODE0
  mov word [edi + T_SS], DATA0
  mov word [edi + T_DS], DATA0
  mov word [edi + T_MAP], TSS_BYTES
  lea edx, [gdt2 + HANDLER_TSS + ebx * 8]
  mov ecx, 0x8900
  call tss_descriptor
  mov eax, ebx
  lea edx, [HANDLER_TSS + ebx * 8]
  shl edx, 16
  mov [idt + ebx * 8], edx
  mov dword [idt + ebx * 8 + 4], 0x8500
  test bl, 1                   ; odd vectors can be called from level 3
  jz .next_task
  mov dword [idt + ebx * 8 + 4], 0xe500
.next_task:
  add edi, TSS_BYTES
  inc ebx
  cmp ebx, 256
  jb .task
  mov edi, case_task
  mov edx, gdt2 + CASE_TSS
  mov ecx, 0x8900
  call tss_descriptor
  mov word [gdt2 + CASE_TSS], CASE_TSS_LIMIT
  mov word [case_task + T_MAP], CASE_MAP
  ; this code goes on as the task of vector 255, called by the case
  mov ax, HANDLER_TSS + 255 * 8
  ltr ax
  mov word [handler_tasks + 255 * TSS_BYTES + T_LINK], CASE_TSS
  or byte [gdt2 + CASE_TSS + 5], 2
  mov eax, PAGES
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80040020           ; PG, AM, NE
  and eax, ~0x10000            ; no WP: the handler writes what level 3 may not
  mov cr0, eax
  mov eax, cr4
  or eax, 0x203                ; OSFXSR, PVI, VME
  mov cr4, eax
  mov dword [vector], 255
  push dword 0x4002
  popfd
  jmp next_case

; EDI base, EDX descriptor, ECX access: a descriptor of limit 67.
tss_descriptor:
  mov eax, edi
  mov word [edx], TSS_BYTES - 1
  mov [edx + 2], ax
  shr eax, 16
  mov [edx + 4], al
  mov [edx + 5], ch
  mov byte [edx + 6], 0
  mov [edx + 7], ah
  ret

; --- what every task does: EAX is its vector
outcome:
  cld
  mov [vector], eax
  mov ebp, case_task
  mov al, ' '
  out 0xe9, al
  mov al, ':'
  out 0xe9, al
  mov al, ' '
  out 0xe9, al
  mov eax, [vector]
  call print_byte
  cmp esp, HANDLER_STACK
  je .no_error
  mov al, ' '
  out 0xe9, al
  mov eax, [esp]
  call print_word
.no_error:
  cmp dword [vector], 14
  jne .no_page
  mov esi, text_cr2
  call print
  mov eax, cr2
  call print_dword
.no_page:
  mov esi, text_eip
  call print
  mov eax, [ebp + T_EIP]
  call print_dword
  mov al, ' '
  out 0xe9, al
  mov eax, [ebp + T_EFLAGS]
  call print_dword
  ; registers
  xor ebx, ebx
.register:
  mov eax, [ebp + T_EAX + ebx * 4]
  cmp eax, [before + ebx * 4]
  je .same
  mov ecx, eax
  mov al, ' '
  out 0xe9, al
  lea eax, [ebx + 'a']
  out 0xe9, al
  mov eax, ecx
  call print_dword
.same:
  inc ebx
  cmp ebx, 8
  jb .register
.segment:
  mov eax, [ebp + T_EAX + ebx * 4]
  cmp ax, [before + ebx * 4]
  je .same_segment
  mov ecx, eax
  mov al, ' '
  out 0xe9, al
  lea eax, [ebx + 'a']
  out 0xe9, al
  mov eax, ecx
  call print_word
.same_segment:
  inc ebx
  cmp ebx, 14
  jb .segment
  ; memory, when the dirty bits say that it has been written
  mov eax, [TABLE + (DATA >> 12) * 4]
  or eax, [TABLE + (DATA >> 12) * 4 + 4]
  test al, DIRTY
  jz .clean
  mov esi, DATA
  mov edi, pattern
  mov ecx, DATA_BYTES / 4
  repe cmpsd
  je .clean
  mov esi, DATA
  mov ecx, DATA_BYTES / 4
  xor ebx, ebx
.sum:
  lodsd
  rol ebx, 5
  add ebx, eax
  loop .sum
  mov al, ' '
  out 0xe9, al
  mov al, 'm'
  out 0xe9, al
  mov eax, ebx
  call print_dword
.clean:
  mov esi, STACK_INNER - 0x40
  mov ecx, 0x10
  xor ebx, ebx
.inner:
  lodsd
  mov dword [esi - 4], 0
  rol ebx, 5
  add ebx, eax
  loop .inner
  test ebx, ebx
  jz .no_inner
  mov al, ' '
  out 0xe9, al
  mov al, 's'
  out 0xe9, al
  mov eax, ebx
  call print_dword
.no_inner:
  mov al, 10
  out 0xe9, al

next_case:
  mov esp, HANDLER_STACK
  dec dword [cases]
  js finish2
  xor eax, eax
  mov cr2, eax
  mov ebp, case_task
  ; memory: refilled with another pattern now and then
  test byte [cases], 0x3f
  jnz .look
  mov edi, pattern
  mov ecx, DATA_BYTES / 4
.fill:
  call some_value
  stosd
  loop .fill
  jmp .copy
.look:
  mov eax, [TABLE + (DATA >> 12) * 4]
  or eax, [TABLE + (DATA >> 12) * 4 + 4]
  test al, DIRTY
  jz .kept
.copy:
  mov esi, pattern
  mov edi, DATA
  mov ecx, DATA_BYTES / 4
  rep movsd
  and dword [TABLE + (DATA >> 12) * 4], ~DIRTY
  and dword [TABLE + (DATA >> 12) * 4 + 4], ~DIRTY
.kept:
  test byte [TABLE + (CODE >> 12) * 4], DIRTY
  jz .sled
  mov edi, CODE
  mov ecx, CODE_BYTES / 4
  mov eax, 0x90909090
  rep stosd
  and dword [TABLE + (CODE >> 12) * 4], ~DIRTY
.sled:
  mov eax, cr3                 ; the dirty bits are set again, although CR3 stays the same
  mov cr3, eax
  ; registers
  xor ebx, ebx
.register:
  call some_value
  mov [ebp + T_EAX + ebx * 4], eax
  inc ebx
  cmp ebx, 8
  jb .register
  call random
  and eax, 0xffc               ; mostly a stack that is there
  add eax, 0x10
  test byte [seed], 0x0f
  jz .any_stack
  mov [ebp + T_ESP], eax
.any_stack:
  ; environment
  mov eax, ENVIRONMENTS
  call below_eax
  mov [environment], eax
  mov ebx, eax
  mov dword [ebp + T_CR3], PAGES
  mov dword [ebp + T_ESP0], STACK_INNER
  mov dword [ebp + T_SS0], DATA0
  mov word [ebp + T_LINK], 0
  movzx eax, word [code_selectors + ebx * 2]
  mov [ebp + T_CS], eax
  movzx eax, word [stack_selectors + ebx * 2]
  mov [ebp + T_SS], eax
  ; ES DS FS GS
  xor esi, esi
.segment:
  movzx edi, byte [data_slots + esi]
  cmp ebx, 4
  jae .virtual
  mov eax, 10
  call below_eax
  movzx eax, word [data_selectors + eax * 2]
  cmp ebx, 2
  jae .system
  or eax, 3
  ; level 3 cannot begin with what only level 0 may have
  cmp eax, S_DATA32 + 3
  je .flat
  cmp eax, S_DATA16 + 3
  jne .set
.flat:
  mov eax, U_DATA32
  jmp .set
.system:
  and eax, 0xfff8
  jmp .set
.virtual:
  mov eax, 3
  call below_eax
  movzx eax, word [virtual_segments + eax * 2]
.set:
  mov [ebp + edi], eax
  inc esi
  cmp esi, 4
  jb .segment
  ; flags
  call random
  mov edx, eax
  and edx, 0x00000ed5          ; OF DF IF, SF ZF AF PF CF
  or edx, 0x102
  mov eax, 8
  call below_eax
  test eax, eax
  jnz .no_ac
  or edx, 0x40000
.no_ac:
  mov eax, 16
  call below_eax
  test eax, eax
  jnz .no_nt
  or edx, 0x4000
.no_nt:
  mov eax, 8
  call below_eax
  shl eax, 19                  ; VIF, VIP
  and eax, 0x180000
  or edx, eax
  or edx, [level_flags + ebx * 4]
  mov [ebp + T_EFLAGS], edx
  ; code
  mov eax, 16
  call below_eax
  mov edi, 0xff0
  test eax, eax
  jz .placed                   ; near the end of the segment
  call random
  mov edi, eax
  and edi, 0x7ff
.placed:
  mov [ebp + T_EIP], edi
  add edi, CODE
  mov [code_at], edi
.again:
  mov edi, instruction
  call make_code
  call harmful
  jc .again
  mov edi, [code_at]
  mov esi, instruction
  mov ecx, CODE + CODE_BYTES
  sub ecx, edi
  cmp ecx, 15
  jbe .room
  mov ecx, 15
.room:
  rep movsb
  ; remember, and log what is known
  lea esi, [ebp + T_EAX]
  mov edi, before
  mov ecx, 14
  rep movsd
  mov eax, [environment]
  call print_digit
  mov al, ' '
  out 0xe9, al
  mov esi, instruction
  mov ecx, 15
.byte:
  lodsb
  call print_byte
  loop .byte
  mov eax, [vector]
  iretd
  jmp outcome

finish2:
  mov al, 0
  out 0xf4, al
  hlt
  jmp finish2

; CF: the instruction must not run in this environment.
harmful:
  mov esi, instruction
  mov ecx, 15
.skip:
  lodsb
  push ecx
  mov edi, prefixes
  mov ecx, 11
  repne scasb
  pop ecx
  jne .opcode
  loop .skip
.opcode:
  mov ah, [esi]                ; ModR/M, or the second byte
  cmp al, 0x0f
  je .two
  cmp dword [environment], 4
  jae .fine
  mov edi, ports               ; I/O with IOPL 3
  mov ecx, ports_end - ports
  repne scasb
  je .harmful
  cmp dword [environment], 2
  jb .fine
  mov edi, system_only
  mov ecx, system_only_end - system_only
  repne scasb
  je .harmful
  cmp al, 0x8e                 ; MOV SS
  jne .far
  and ah, 0x38
  cmp ah, 0x10
  je .harmful
  jmp .fine
.far:
  cmp al, 0xff                 ; far CALL and JMP
  jne .fine
  and ah, 0x38
  cmp ah, 0x18
  je .harmful
  cmp ah, 0x28
  je .harmful
.fine:
  clc
  ret
.two:
  mov al, ah
  mov edi, disputed            ; what depends on the model: RDTSC RDPMC CPUID, MONITOR and its like, RDTSCP
  mov ecx, disputed_end - disputed
  repne scasb
  je .harmful
  cmp dword [environment], 2
  jb .fine
  cmp dword [environment], 4
  jae .fine
  mov edi, system_two
  mov ecx, system_two_end - system_two
  repne scasb
  je .harmful
  jmp .fine
.harmful:
  stc
  ret

%include "random.inc"

ports db 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef, 0x6c, 0x6d, 0x6e, 0x6f
ports_end:
system_only db 0xf4, 0x9a, 0xea, 0xca, 0xcb, 0xcf, 0x17, 0xcc, 0xcd, 0xce, 0xf1
system_only_end:
disputed db 0x31, 0x33, 0xa2, 0x01, 0xc7, 0x0d, 0x78, 0x79, 0x37, 0x0f, 0x0e, 0x38, 0x3a, 0x05, 0x07, 0xaa, 0xae
disputed_end:
system_two db 0x00, 0x20, 0x21, 0x22, 0x23, 0x24, 0x26, 0x30, 0x32, 0x34, 0x35, 0xb2
system_two_end:

align 64
code_selectors dw U_CODE32, U_CODE16, S_CODE32, S_CODE16, CODE >> 4, CODE >> 4
stack_selectors dw U_DATA32, U_DATA16, S_DATA32, S_DATA16, DATA >> 4, DATA >> 4
data_selectors dw U_DATA32, U_DATA32, U_DATA16, U_DATA16, S_DATA32, S_DATA16, 0x6b, 0x73, 0x7b, 0
virtual_segments dw DATA >> 4, DATA >> 4, (DATA + 0x1000) >> 4
data_slots db 0x48, 0x54, 0x58, 0x5c
align 4
level_flags dd 0x3000, 0, 0x3000, 0, 0x23000, 0x20000
vector dd 0
environment dd 0
code_at dd 0
before times 14 dd 0
gdtr2:
  dw gdt2_end - gdt2 - 1
  dd gdt2
align 64
%macro SEGMENT_DESCRIPTOR 4    ; base, limit, access, flags
  dw (%2) & 0xffff, (%1) & 0xffff
  db ((%1) >> 16) & 0xff, %3, ((%2) >> 16) & 15 | (%4) << 4, (%1) >> 24
%endmacro
%macro GATE_DESCRIPTOR 4       ; selector, offset, access, parameters
  dw (%2) & 0xffff, %1
  db %4, %3
  dw (%2) >> 16
%endmacro
gdt2:
  dq 0
  dq 0x00cf9b000000ffff        ; CODE0
  dq 0x00cf93000000ffff        ; DATA0
  dq 0x00cffb000000ffff        ; CODE3
  dq 0x00cff3000000ffff        ; DATA3
  SEGMENT_DESCRIPTOR CODE, CODE_BYTES - 1, 0xfb, 4
  SEGMENT_DESCRIPTOR CODE, CODE_BYTES - 1, 0xfb, 0
  SEGMENT_DESCRIPTOR CODE, CODE_BYTES - 1, 0x9b, 4
  SEGMENT_DESCRIPTOR CODE, CODE_BYTES - 1, 0x9b, 0
  SEGMENT_DESCRIPTOR DATA, DATA_BYTES - 1, 0xf3, 4
  SEGMENT_DESCRIPTOR DATA, DATA_BYTES - 1, 0xf3, 0
  SEGMENT_DESCRIPTOR DATA, DATA_BYTES - 1, 0x93, 4
  SEGMENT_DESCRIPTOR DATA, DATA_BYTES - 1, 0x93, 0
  SEGMENT_DESCRIPTOR DATA, 0x7ff, 0xf1, 4            ; 68 read-only
  SEGMENT_DESCRIPTOR DATA, 0x3ff, 0xf7, 0            ; 70 expand-down, 16 bits
  SEGMENT_DESCRIPTOR DATA - 0x10000, 0x10fff, 0xf7, 4 ; 78 expand-down, 32 bits
  SEGMENT_DESCRIPTOR DATA, 0x7ff, 0x73, 4            ; 80 absent
  SEGMENT_DESCRIPTOR CODE, CODE_BYTES - 1, 0x9f, 4   ; 88 conforming, level 0
  SEGMENT_DESCRIPTOR CODE, CODE_BYTES - 1, 0xff, 4   ; 90 conforming, level 3
  SEGMENT_DESCRIPTOR CODE, CODE_BYTES - 1, 0xf9, 4   ; 98 execute-only
  GATE_DESCRIPTOR S_CODE32, SLED, 0xec, 0            ; A0 call gates
  GATE_DESCRIPTOR S_CODE16, SLED, 0xe4, 0            ; A8
  GATE_DESCRIPTOR 0x88, SLED, 0xec, 0                ; B0 to conforming code
  SEGMENT_DESCRIPTOR case_ldt, 0xff, 0x82, 0          ; B8 LDT
  GATE_DESCRIPTOR U_CODE32, SLED, 0xec, 0            ; C0 to the same level
  SEGMENT_DESCRIPTOR CODE, CODE_BYTES - 1, 0x7b, 4   ; C8 absent code
  GATE_DESCRIPTOR S_CODE32, SLED, 0xec, 3            ; D0 with parameters
  GATE_DESCRIPTOR S_CODE32, SLED, 0x6c, 0            ; D8 absent gate
  GATE_DESCRIPTOR S_CODE32, SLED, 0xee, 0            ; E0 interrupt gate
  GATE_DESCRIPTOR S_CODE32, SLED, 0x8c, 0            ; E8 closed gate
  times 256 + 2 dq 0
gdt2_end:
case_ldt equ 0x61000
align 256
case_task times 0x68 db 0
  times 32 db 0x55             ; redirection bitmap: every other interrupt goes to the program
CASE_MAP equ $ - case_task
  times 0x21 db 0xff           ; I/O map
CASE_TSS_LIMIT equ $ - case_task - 1
