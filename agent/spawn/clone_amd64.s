#include "textflag.h"

#define SYS_clone3     435
#define SYS_exit_group 231

// func cloneAndRun(arguments *cloneArguments, size uintptr, program *step, result *outcome) int
//
// The result of a step that succeeds replaces its number. The child has the parent's stack pointer and never touches the stack.
TEXT ·cloneAndRun(SB), NOSPLIT, $0-40
	MOVQ arguments+0(FP), DI
	MOVQ size+8(FP), SI
	MOVQ program+16(FP), R12
	MOVQ result+24(FP), R13
	MOVQ $SYS_clone3, AX
	SYSCALL
	TESTQ AX, AX
	JZ   child
	MOVQ AX, ret+32(FP)
	RET

child:
	MOVQ 0(R12), AX
	MOVQ 8(R12), DI
	MOVQ 16(R12), SI
	MOVQ 24(R12), DX
	MOVQ 32(R12), R10
	MOVQ 40(R12), R8
	SYSCALL
	CMPQ AX, $-4095
	JAE  failed
	MOVQ AX, 0(R12)
	ADDQ $48, R12
	JMP  child

failed:
	NEGQ AX
	MOVQ AX, 0(R13)
	MOVQ $127, DI
	MOVQ $SYS_exit_group, AX
	SYSCALL
	INT  $3
