"""Functions of the C library that contain no site and call only such functions.

They are built without migration points (popcc.runtime.libc.sources), so that calling one costs no site; the
linker checks that what was called as a leaf is one. The list is every such function of the string, ctype, math,
complex, stdlib and locale folders of musl that a test finds by following calls.
"""

from __future__ import annotations

LEAF_FUNCTIONS: frozenset[str] = frozenset(
    """
    ___errno_location __cos __cosdf __ctype_b_loc __ctype_get_mb_cur_max __ctype_tolower_loc __ctype_toupper_loc
    __divdc3 __divsc3 __errno_location __expo2 __expo2f __fesetround __fpclassify __fpclassifyf __fpclassifyl
    __isalnum_l __isalpha_l __isblank_l __iscntrl_l __isdigit_l __isgraph_l __islower_l __isprint_l __ispunct_l
    __isspace_l __isupper_l __iswalnum_l __iswalpha_l __iswblank_l __iswcntrl_l __iswctype_l __iswdigit_l
    __iswgraph_l __iswlower_l __iswprint_l __iswpunct_l __iswspace_l __iswupper_l __iswxdigit_l __isxdigit_l
    __ldexp_cexp __ldexp_cexpf __lgamma_r __lgammaf_r __lgammal_r __math_divzero __math_divzerof __math_invalid
    __math_invalidf __math_oflow __math_oflowf __math_uflow __math_uflowf __math_xflow __math_xflowf __memrchr
    __muldc3 __mulsc3 __popcorn_syscall_cp_raw __popcorn_time_left __rand48_step __rem_pio2 __rem_pio2_large
    __rem_pio2f __shlim __signbit __signbitf __signbitl __sin __sindf __stpcpy __stpncpy __strcasecmp_l
    __strchrnul __strcoll_l __strncasecmp_l __strxfrm_l __syscall_ret __tan __tandf __tolower_l __toupper_l
    __towctrans_l __towlower_l __towupper_l __uselocale __wcscoll_l __wcsxfrm_l __wctrans_l __wctype_l abs acos
    acosf acosh acoshf acoshl acosl asin asinf asinh asinhf asinhl asinl atan atan2 atan2f atan2l atanf atanh
    atanhf atanhl atanl atoi atol atoll bcmp bcopy bind_textdomain_codeset btowc bzero c16rtomb c32rtomb cabs
    cabsf cabsl cacos cacosf cacosh cacoshf cacoshl cacosl carg cargf cargl casin casinf casinh casinhf casinhl
    casinl catan catanf catanh catanhf catanhl catanl cbrt cbrtf cbrtl ccos ccosf ccosh ccoshf ccoshl ccosl ceil
    ceilf ceill cexp cexpf cexpl cimag cimagf cimagl clog clogf clogl conj conjf conjl copysign copysignf
    copysignl cos cosf cosh coshf coshl cosl cpow cpowf cpowl cproj cprojf cprojl creal crealf creall csin csinf
    csinh csinhf csinhl csinl csqrt csqrtf csqrtl ctan ctanf ctanh ctanhf ctanhl ctanl div drand48 drem dremf
    erand48 erf erfc erfcf erfcl erff erfl exp exp10 exp10f exp10l exp2 exp2f exp2l expf expl explicit_bzero
    expm1 expm1f expm1l fabs fabsf fabsl fdim fdimf fdiml feclearexcept fegetenv fegetround feraiseexcept
    fesetenv fetestexcept finite finitef floor floorf floorl fma fmaf fmal fmax fmaxf fmaxl fmin fminf fminl
    fmod fmodf fmodl frexp frexpf frexpl getenv hypot hypotf hypotl iconv ilogb ilogbf ilogbl imaxabs imaxdiv
    index insque isalnum isalnum_l isalpha isalpha_l isascii isblank isblank_l iscntrl iscntrl_l isdigit
    isdigit_l isgraph isgraph_l islower islower_l isprint isprint_l ispunct ispunct_l isspace isspace_l isupper
    isupper_l iswalnum iswalnum_l iswalpha iswalpha_l iswblank iswblank_l iswcntrl iswcntrl_l iswctype
    iswctype_l iswdigit iswdigit_l iswgraph iswgraph_l iswlower iswlower_l iswprint iswprint_l iswpunct
    iswpunct_l iswspace iswspace_l iswupper iswupper_l iswxdigit iswxdigit_l isxdigit isxdigit_l j0 j0f j1 j1f
    jn jnf jrand48 labs lcong48 ldexp ldexpf ldexpl ldiv lgamma lgamma_r lgammaf lgammaf_r lgammal lgammal_r
    llabs lldiv llrint llrintf llrintl llround llroundf llroundl log log10 log10f log10l log1p log1pf log1pl
    log2 log2f log2l logb logbf logbl logf logl lrand48 lrint lrintf lrintl lround lroundf lroundl mblen mbrlen
    mbrtoc16 mbrtoc32 mbrtowc mbsinit mbsnrtowcs mbsrtowcs mbstowcs mbtowc memccpy memchr memcmp memcpy memmem
    memmove mempcpy memrchr memset modf modff modfl mrand48 nan nanf nanl nearbyint nearbyintf nearbyintl
    nextafter nextafterf nextafterl nexttoward nexttowardf nexttowardl nrand48 pow pow10 pow10f pow10l powf powl
    rand rand_r remainder remainderf remainderl remque remquo remquof remquol rindex rint rintf rintl round
    roundf roundl scalb scalbf scalbln scalblnf scalblnl scalbn scalbnf scalbnl seed48 significand significandf
    sin sincos sincosf sincosl sinf sinh sinhf sinhl sinl sqrt sqrtf sqrtl srand srand48 stpcpy stpncpy
    strcasecmp strcasecmp_l strcasestr strcat strchr strchrnul strcmp strcoll strcoll_l strcpy strcspn strlcat
    strlcpy strlen strncasecmp strncasecmp_l strncat strncmp strncpy strnlen strpbrk strrchr strsep strspn
    strstr strtok strtok_r strverscmp strxfrm strxfrm_l swab tan tanf tanh tanhf tanhl tanl tgamma tgammaf
    tgammal toascii tolower tolower_l toupper toupper_l towctrans towctrans_l towlower towlower_l towupper
    towupper_l trunc truncf truncl uselocale wcpcpy wcpncpy wcrtomb wcscasecmp wcscasecmp_l wcscat wcschr wcscmp
    wcscoll wcscoll_l wcscpy wcscspn wcslen wcsncasecmp wcsncasecmp_l wcsncat wcsncmp wcsncpy wcsnlen wcsnrtombs
    wcspbrk wcsrchr wcsrtombs wcsspn wcsstr wcstok wcstombs wcswcs wcswidth wcsxfrm wcsxfrm_l wctob wctomb
    wctrans wctrans_l wctype wctype_l wcwidth wmemchr wmemcmp wmemcpy wmemmove wmemset y0 y0f y1 y1f yn ynf
    """.split()
)
