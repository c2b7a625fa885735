; Random instructions in real mode, one at a time. Each case goes from protected mode to real mode with random registers,
; flags, segments and memory, single-steps one instruction, and comes back by the interrupt that ends it. A line is
;   code bytes : vector, CS:IP, FLAGS, EFLAGS, registers and segments that changed, sum of the memory
; FLAGS are those that the interrupt has pushed. Left out is what would take the machine away: I/O, HLT, CR, DR, GDTR,
; IDTR, MSRs.
;   nasm -DSEED=1 -DCASES=1000

%include "probe.inc"
%include "random.inc"

DATA       equ 0x40000         ; four segments of 64 KiB begin here or nearby
DATA_FIRST equ 0x3ff00
CODE       equ 0x52000
CODE_SPAN  equ 0x10010
STUBS      equ 0x7000          ; one for each vector, then what follows them
STUB_SEGMENT equ STUBS >> 4
STUB_BYTES equ 16
HANDLER_STACK equ 0x1c0000
; The low and the high end of the data segments, which the sum covers.
LOW_BYTES  equ 0x2100
HIGH       equ 0x4fe00
HIGH_BYTES equ 0x1200

; Saved by the real-mode side, at the start of its segment behind the stubs.
SAVED      equ STUBS + 256 * STUB_BYTES
%define SAVE(x) (SAVED - STUBS + (x))
V_REGISTERS equ 0              ; EAX ECX EDX EBX ESP EBP ESI EDI
V_SEGMENTS equ 32              ; ES CS SS DS FS GS
V_VECTOR   equ 48
V_IP       equ 50
V_CS       equ 52
V_FLAGS    equ 54
V_EFLAGS   equ 56
REAL_CODE  equ SAVED + 0x100

main:
  ; interrupt vectors and stubs
  xor ebx, ebx
  mov edi, STUBS
.stub:
  mov dword [edi], 0x0006c62e  ; mov byte [cs:...], vector
  mov word [edi + 3], SAVE(V_VECTOR)
  mov [edi + 5], bl
  mov byte [edi + 6], 0xe9
  mov eax, REAL_CODE + (real_back - real_side)
  sub eax, edi
  sub eax, 9
  mov [edi + 7], ax
  mov eax, edi
  sub eax, STUBS
  or eax, STUB_SEGMENT << 16
  mov [ebx * 4], eax
  add edi, STUB_BYTES
  inc ebx
  cmp ebx, 256
  jb .stub
  mov esi, real_side
  mov edi, REAL_CODE
  mov ecx, real_end - real_side
  rep movsb
  mov edi, CODE
  mov ecx, CODE_SPAN + 16
  mov al, 0x90
  rep stosb
  mov eax, cr4
  or eax, 0x201                ; OSFXSR, VME
  mov cr4, eax

next_case:
  mov esp, HANDLER_STACK
  dec dword [cases]
  js end_of_cases
  ; memory: filled again now and then
  mov eax, [cases]
  and eax, 0x3f
  cmp eax, (CASES - 1) & 0x3f
  jne .kept
  mov edi, DATA_FIRST
  mov ecx, (HIGH + HIGH_BYTES - DATA_FIRST) / 4
.fill:
  call some_value
  test eax, 0x0000fff8         ; what gets into SP from here leaves room for the frame: else the CPU shuts down
  jnz .stack
  or eax, 8
.stack:
  stosd
  loop .fill
.kept:
  mov ebp, SAVED
  xor ebx, ebx
.register:
  call some_value
  mov [ebp + V_REGISTERS + ebx * 4], eax
  inc ebx
  cmp ebx, 8
  jb .register
  call random
  and eax, 0xffc
  add eax, 0x10
  mov [ebp + V_REGISTERS + 16], eax
  xor ebx, ebx
.segment:
  call random
  and eax, 3
  mov ax, [segments + eax * 2]
  mov [ebp + V_SEGMENTS + ebx * 2], ax
  inc ebx
  cmp ebx, 6
  jb .segment
  mov word [ebp + V_SEGMENTS + 2], CODE >> 4
  call random
  and eax, 0x74ed5             ; AC, RF, NT, IOPL is 0, OF DF IF, SF ZF AF PF CF
  and eax, 0xfffeffff
  or eax, 0x102
  mov [ebp + V_EFLAGS], eax
  ; code
  call random
  and eax, 0x7ff
  mov edi, eax
  test byte [seed], 0x1f
  jnz .placed
  and edi, 15                  ; at the end of the segment
  or edi, 0xfff0
.placed:
  mov [ebp + V_IP], di
  add edi, CODE
  mov [code_at], edi
.again:
  mov edi, instruction
  call make_code
  call harmful
  jc .again
  mov edi, [code_at]
  mov esi, instruction
  mov ecx, 15
  rep movsb
  mov esi, SAVED
  mov edi, before
  mov ecx, V_VECTOR / 4
  rep movsd
  mov esi, instruction
  mov ecx, 15
.byte:
  lodsb
  call print_byte
  loop .byte
  fninit
  jmp CODE16:REAL_CODE

; From real mode.
outcome:
  mov ax, DATA0
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov fs, ax
  mov gs, ax
  mov esp, HANDLER_STACK
  lidt [idtr]
  cld
  mov ebp, SAVED
  mov esi, text_colon
  call print
  mov al, [ebp + V_VECTOR]
  call print_byte
  mov al, ' '
  out 0xe9, al
  mov ax, [ebp + V_CS]
  call print_word
  mov al, ':'
  out 0xe9, al
  mov ax, [ebp + V_IP]
  call print_word
  mov al, ' '
  out 0xe9, al
  mov ax, [ebp + V_FLAGS]
  call print_word
  mov al, ' '
  out 0xe9, al
  mov eax, [ebp + V_EFLAGS]
  and eax, 0xffff0000
  call print_dword
  xor ebx, ebx
.register:
  mov edx, [ebp + V_REGISTERS + ebx * 4]
  cmp edx, [before + ebx * 4]
  je .same
  mov al, ' '
  out 0xe9, al
  lea eax, [ebx + 'a']
  out 0xe9, al
  mov eax, edx
  call print_dword
.same:
  inc ebx
  cmp ebx, 8
  jb .register
  xor ebx, ebx
.segment:
  mov dx, [ebp + V_SEGMENTS + ebx * 2]
  cmp dx, [before + V_SEGMENTS + ebx * 2]
  je .same_segment
  cmp ebx, 1                   ; CS is in the frame
  je .same_segment
  mov al, ' '
  out 0xe9, al
  lea eax, [ebx + 'i']
  out 0xe9, al
  mov ax, dx
  call print_word
.same_segment:
  inc ebx
  cmp ebx, 6
  jb .segment
  xor ebx, ebx
  mov esi, DATA_FIRST
  mov ecx, LOW_BYTES / 4
  call sum
  mov esi, HIGH
  mov ecx, HIGH_BYTES / 4
  call sum
  mov al, ' '
  out 0xe9, al
  mov eax, ebx
  call print_dword
  mov al, 10
  out 0xe9, al
  mov edi, [code_at]
  mov ecx, 15
  mov al, 0x90
  rep stosb
  jmp next_case

sum:
  lodsd
  rol ebx, 5
  add ebx, eax
  loop sum
  ret

end_of_cases:
  mov al, 0
  out 0xf4, al
  hlt
  jmp end_of_cases

; CF: the instruction must not run.
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
  cmp al, 0x0f
  je .two
  mov edi, ports
  mov ecx, ports_end - ports
  jmp .look
.two:
  mov al, [esi]
  mov edi, system
  mov ecx, system_end - system
.look:
  repne scasb
  je .harmful
  clc
  ret
.harmful:
  stc
  ret

; --- the real-mode side: copied to REAL_CODE, runs in STUB_SEGMENT
bits 16
real_side:
  mov ax, DATA16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov fs, ax
  mov gs, ax
  lidt [cs:REAL_CODE + (real_idtr - real_side)]
  mov eax, cr0
  and al, 0xfe
  mov cr0, eax
  jmp STUB_SEGMENT:REAL_CODE - STUBS + (.real - real_side)
.real:
  mov ax, cs
  mov ds, ax
  mov es, [SAVE(V_SEGMENTS)]
  mov fs, [SAVE(V_SEGMENTS) + 8]
  mov gs, [SAVE(V_SEGMENTS) + 10]
  mov ss, [SAVE(V_SEGMENTS) + 4]
  mov esp, [SAVE(V_REGISTERS) + 16]
  push dword [SAVE(V_EFLAGS)]
  push dword CODE >> 4
  movzx eax, word [SAVE(V_IP)]
  push eax
  mov eax, [SAVE(V_REGISTERS)]
  mov ecx, [SAVE(V_REGISTERS) + 4]
  mov edx, [SAVE(V_REGISTERS) + 8]
  mov ebx, [SAVE(V_REGISTERS) + 12]
  mov ebp, [SAVE(V_REGISTERS) + 20]
  mov esi, [SAVE(V_REGISTERS) + 24]
  mov edi, [SAVE(V_REGISTERS) + 28]
  mov ds, [SAVE(V_SEGMENTS) + 6]
  iretd

real_back:
  mov [cs:SAVE(V_REGISTERS)], eax
  mov ax, ds
  mov [cs:SAVE(V_SEGMENTS) + 6], ax
  mov ax, cs
  mov ds, ax
  mov [SAVE(V_REGISTERS) + 4], ecx
  mov [SAVE(V_REGISTERS) + 8], edx
  mov [SAVE(V_REGISTERS) + 12], ebx
  mov [SAVE(V_REGISTERS) + 20], ebp
  mov [SAVE(V_REGISTERS) + 24], esi
  mov [SAVE(V_REGISTERS) + 28], edi
  mov [SAVE(V_SEGMENTS)], es
  mov [SAVE(V_SEGMENTS) + 4], ss
  mov [SAVE(V_SEGMENTS) + 8], fs
  mov [SAVE(V_SEGMENTS) + 10], gs
  ; the frame, which is not part of the memory
  pop word [SAVE(V_IP)]
  pop word [SAVE(V_CS)]
  pop word [SAVE(V_FLAGS)]
  mov [SAVE(V_REGISTERS) + 16], esp
  push word 0
  push word 0
  push word 0
  mov ax, STUB_SEGMENT
  mov ss, ax
  mov esp, STUB_STACK - STUBS
  pushfd
  pop dword [SAVE(V_EFLAGS)]
  o32 lgdt [REAL_CODE - STUBS + (real_gdtr - real_side)]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp dword CODE0:outcome
real_idtr:
  dw 0x3ff
  dd 0
real_gdtr:
  dw gdt_end - gdt - 1
  dd gdt
real_end:
bits 32
STUB_STACK equ REAL_CODE + 0x400

text_colon db ' : ', 0
align 4
segments dw DATA >> 4, DATA >> 4, (DATA + 0x1000) >> 4, DATA_FIRST >> 4
ports db 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef, 0x6c, 0x6d, 0x6e, 0x6f, 0xf4, 0xfb
ports_end:
; System registers, MSRs, and what depends on the model: RDTSC RDPMC CPUID, MONITOR and its like.
system db 0x20, 0x21, 0x22, 0x23, 0x24, 0x26, 0x30, 0x32, 0x34, 0x35, 0xb2, 0x06
  db 0x31, 0x33, 0xa2, 0x01, 0xc7, 0x0d, 0x78, 0x79, 0x37, 0x0f, 0x0e, 0x38, 0x3a, 0x05, 0x07, 0xaa, 0xae
system_end:
align 4
code_at dd 0
before times 14 dd 0
