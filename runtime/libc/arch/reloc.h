/* Programs are static: there is nothing to relocate at run time, and the name only shows in error texts. */
#define LDSO_ARCH "popcorn"
#define REL_SYMBOLIC 0
#define REL_OFFSET32 0
#define REL_GOT 0
#define REL_PLT 0
#define REL_RELATIVE 0
#define REL_COPY 0
#define REL_DTPMOD 0
#define REL_DTPOFF 0
#define REL_TPOFF 0
#define CRTJMP(pc, sp) __builtin_trap()
#define GETFUNCSYM(fp, sym, got) __builtin_trap()
