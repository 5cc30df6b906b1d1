"""Assembly and intrinsics that every ISA has an equal of become portable IR; what is known in part only stays."""

from __future__ import annotations

import pytest
from ir_fixtures import apply, body, check_body

from popcc.passes.idioms import Idioms

BARRIER = 'call void asm sideeffect "", "~{memory}"()'
FENCE = "fence seq_cst"


def of(instruction: str) -> list[str]:
    """What becomes of a function that consists of one call of inline assembly."""
    return body(apply(Idioms(), f"define void @f() {{\n{instruction}\nret void\n}}\n"), "f")[1:-1]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("pause", BARRIER),
        (r"rep; nop", BARRIER),
        (r"\09yield\0A", BARRIER),
        ("nop", BARRIER),
        ("mfence", FENCE),
        (r"lfence\0A\09", FENCE),
        ("lock; addl $$0,0(%rsp)", FENCE),
        ("lock orq $$0x0, (%rsp)", FENCE),
        ("dmb ish", FENCE),
        ("fence rw,rw", FENCE),
        ("sfence; pause", FENCE),
    ],
)
def test_waiting_and_fences(template: str, expected: str) -> None:
    assert of(f'call void asm sideeffect "{template}", "~{{memory}}"()') == [expected]


@pytest.mark.parametrize(
    "call",
    [
        'call void asm sideeffect "hlt", ""()',
        'call void asm sideeffect "pause; hlt", ""()',
        'call void asm sideeffect "lock; incl (%rsp)", ""()',
        'call void asm sideeffect "rep; movsb", ""()',
        'call void asm sideeffect "", "~{memory}"()',
        'call void asm sideeffect "rdtsc", "~{eax},~{edx}"()',
        'call void asm sideeffect "cpuid", "~{eax}"()',
        '%x = call i32 asm sideeffect "pause", "=r"()',
        '%x = call ptr asm sideeffect "rdtsc", "={ax},~{edx}"()',
        # another register is given back than was kept; halves are not joined; there is more than the joined clock
        '%x = call { i32, i32 } asm "xchgl %ebx, $1; cpuid; xchgl %ebx, $0", "={ax},=r,0"(i32 1)',
        '%x = call { i32, i32 } asm "pushq %rbx; cpuid; movl %ebx, $1", "={ax},=r,0"(i32 1)',
        '%x = call i64 asm sideeffect "rdtsc; shl $$32, %rdx", "={ax},~{rdx}"()',
        '%x = call i64 asm sideeffect "rdtsc; shl $$31, %rdx; or %rdx, %rax", "={ax},~{rdx}"()',
        '%x = call i64 asm sideeffect "rdtsc; shl $$32, %rdx; or %rdx, $0", "=r,~{rax},~{rdx}"()',
        '%x = call { i64, i64 } asm sideeffect "rdtsc; shl $$32, %rdx; or %rdx, %rax", "={ax},={dx}"()',
    ],
)
def test_what_is_not_wholly_known_stays(call: str) -> None:
    assert of(call) == [call]


@pytest.mark.parametrize(
    "comment", ["# forget it; all of it", r"\09// nothing\0A", r"/* of\0Atwo lines */", r"#1\0A# 2"]
)
def test_comments_are_no_instructions(comment: str) -> None:
    hidden = '%x = call ptr asm sideeffect "{}", "=r,0"(ptr @f)'
    assert of(hidden.format(comment)) == [hidden.format("")]
    assert of(f'call void asm sideeffect "{comment}\\0Apause", "~{{memory}}"()') == [BARRIER]


@pytest.mark.parametrize("template", ["add $0, $0, #1", r"# a comment\0Ahlt"])
def test_an_instruction_with_a_comment_or_a_number_stays(template: str) -> None:
    call = f'%x = call i64 asm "{template}", "=r,0"(i64 0)'
    assert of(call) == [call]


def test_a_clock_in_two_halves() -> None:
    out = apply(
        Idioms(),
        """
        define { i32, i64 } @f() {
          %t = call { i32, i64 } asm sideeffect "lfence; rdtsc", "={ax},=&{dx}"()
          ret { i32, i64 } %t
        }
        """,
    )
    check_body(
        out,
        "f",
        """
        a..0:
        fence seq_cst
        %popcorn.ticks.0 = call i64 @__popcorn_ticks()
        %popcorn.ticks.0.0.shifted = lshr i64 %popcorn.ticks.0, 0
        %popcorn.ticks.0.0.part = and i64 %popcorn.ticks.0.0.shifted, 4294967295
        %popcorn.ticks.0.0 = trunc i64 %popcorn.ticks.0.0.part to i32
        %popcorn.ticks.0.with.0 = insertvalue { i32, i64 } poison, i32 %popcorn.ticks.0.0, 0
        %popcorn.ticks.0.1.shifted = lshr i64 %popcorn.ticks.0, 32
        %popcorn.ticks.0.1 = and i64 %popcorn.ticks.0.1.shifted, 4294967295
        %t = insertvalue { i32, i64 } %popcorn.ticks.0.with.0, i64 %popcorn.ticks.0.1, 1
        ret { i32, i64 } %t
        """,
    )


@pytest.mark.parametrize(
    ("declaration", "call"),
    [
        ("", 'asm sideeffect "mrs $0, cntvct_el0", "=r"()'),
        ("", 'asm sideeffect "rdtime $0", "=r"()'),
        ("declare i64 @llvm.readcyclecounter()\n", "@llvm.readcyclecounter()"),
        ("declare i64 @llvm.readsteadycounter()\n", "@llvm.readsteadycounter()"),
        ("declare i64 @llvm.x86.rdtsc()\n", "@llvm.x86.rdtsc()"),
    ],
)
def test_a_clock_in_one_piece(declaration: str, call: str) -> None:
    out = apply(Idioms(), f"{declaration}define i64 @f() {{\n%t = call i64 {call}\nret i64 %t\n}}\n")
    assert "%popcorn.ticks.0 = call i64 @__popcorn_ticks()" in body(out, "f")
    assert "%t = and i64 %popcorn.ticks.0.shifted, -1" in body(out, "f")


def test_a_processor_that_is_asked_has_nothing() -> None:
    call = 'call { i32, i32 } asm "cpuid", "={ax},={bx},0,~{ecx},~{edx}"(i32 1)'
    assert of(f"%x = {call}") == ["%x = freeze { i32, i32 } zeroinitializer"]


def test_the_processor_of_a_clock_is_the_first() -> None:
    out = apply(
        Idioms(),
        """
        declare { i64, i32 } @llvm.x86.rdtscp()
        define i32 @f() {
          %t = call { i64, i32 } @llvm.x86.rdtscp()
          %p = extractvalue { i64, i32 } %t, 1
          ret i32 %p
        }
        """,
    )
    assert "%popcorn.ticks.0.1.part = and i64 %popcorn.ticks.0.1.shifted, 0" in body(out, "f")


@pytest.mark.parametrize(
    "template",
    [
        "xchgl %ebx, $1; cpuid; xchgl %ebx, $1",
        r"xchgq %rbx, ${1:q}\0A\09cpuid\0A\09xchgq %rbx, ${1:q}",
        r"xchg$(l$)\09$(%$)ebx, ${1:k}\0Acpuid\0Axchg$(l$|dword$)\09$(%$)ebx, ${1:k}",
        "xchg %rsi,%rbx; cpuid; xchg %rbx, %rsi",
        r"mov %rbx, %rdi\0Acpuid\0Axchg %rdi, %rbx",
        r"pushq %rbx \0A\09 cpuid \0A\09 movl %ebx ,$1 \0A\09 popq %rbx",
        "push %rbx; cpuid; pop %rbx",
        "movl %ebx, %esi; cpuid; movl %ebx,$1; movl %esi, %ebx",
        ".byte 0x0f, 0x01, 0xd0",
    ],
)
def test_a_processor_is_asked_with_a_register_kept_elsewhere(template: str) -> None:
    call = f'call {{ i32, i32 }} asm sideeffect "{template}", "={{ax}},=r,0,~{{ecx}},~{{edx}}"(i32 1)'
    assert of(f"%x = {call}") == ["%x = freeze { i32, i32 } zeroinitializer"]


@pytest.mark.parametrize(
    "template",
    [
        "rdtsc; shl $$32, %rdx; or %rdx, %rax",
        r"rdtscp\0A\09shlq $$0x20,%rdx\0A\09orq %rdx,%rax",
        "rdtsc; shlq $$32, %rdx; addq %rdx, $0",
    ],
)
def test_a_clock_whose_halves_are_joined_by_hand(template: str) -> None:
    call = f'%t = call i64 asm sideeffect "{template}", "={{ax}},~{{rdx}}"()'
    ticks = "%popcorn.ticks.0"
    assert of(call) == [
        f"{ticks} = call i64 @__popcorn_ticks()",
        f"{ticks}.shifted = lshr i64 {ticks}, 0",
        f"%t = and i64 {ticks}.shifted, -1",
    ]
    fenced = of(call.replace('"rdtsc', '"lfence; rdtsc'))
    assert fenced[0] == FENCE and fenced[1:] == of(call)
