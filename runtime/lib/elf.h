/* The little of ELF64 that images and multi-ISA program files need. */
#ifndef POPCORN_ELF_H
#define POPCORN_ELF_H

#include <stdint.h>

struct elf_header {
	unsigned char ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_segment { uint32_t type, flags; uint64_t offset, vaddr, paddr, filesz, memsz, align; };
struct elf_section { uint32_t name, type; uint64_t flags, addr, offset, size; uint32_t link, info; uint64_t align, entsize; };
struct elf_note { uint32_t namesz, descsz, type; };

_Static_assert(sizeof(struct elf_header) == 64 && sizeof(struct elf_segment) == 56 && sizeof(struct elf_section) == 64, "ELF64");

#define ELF_IDENT "\177ELF\2\1\1"
enum { ELF_CORE = 4, ELF_LOAD = 1, ELF_NOTE = 4 };

#endif
