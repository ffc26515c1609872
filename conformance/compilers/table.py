"""The compilers of Debian 12 that print gas syntax, and rustc: what each is given."""

from conformance.compilers.build import Ada, Compiler, Ldc, Printed, Rust

_PLAIN = ("-O0", "-O2", "-O3", "-Os", "-O2 -masm=intel")
_GCC = (*_PLAIN, "-O2 -fno-plt -fPIC", "-O2 -mindirect-branch=thunk", "-O2 -fcf-protection=branch")
#: Its inline assembly is in AT&T syntax alone.
_GCC_ATT = tuple(flags for flags in _GCC if "intel" not in flags)
_CLANG = ("-O0", "-O2", "-O3", "-Oz", "-O2 -masm=intel", "-O2 -mllvm --x86-asm-syntax=intel", "-O2 -mretpoline",
          "-O2 -masm=intel -mretpoline", "-O2 -fno-plt -fPIC", "-O2 -fcf-protection=branch",
          "-O2 -fembed-bitcode")  # fmt: skip
#: clang says itself that this convention leaves its retpolines no register.
_CLANG_NONE = tuple(flags for flags in _CLANG if "retpoline" not in flags)
_RUST = ("-Copt-level=0", "-Copt-level=2", "-Copt-level=3", "-Copt-level=s",
         "-Copt-level=2 -Crelocation-model=static",
         "-Copt-level=2 -Cllvm-args=-x86-asm-syntax=intel")  # fmt: skip

_CONVENTIONS, _FORTRAN, _D = ("conventions.c",), ("dispatch.f90",), ("dispatch.d",)
_EXCEPTIONS = ("exceptions.cpp", "exceptions_lib.cpp")
_CXX = ("-std=c++17",)
#: Both builds by the same assembler: clang's own lays sections out in another way.
_AS = ("-fno-integrated-as",)

COMPILERS: tuple[Compiler, ...] = (
    Compiler("gcc-12", "gcc-12", _CONVENTIONS, _GCC_ATT),
    Compiler("gcc-11", "gcc-11", _CONVENTIONS, _GCC_ATT),
    Compiler("g++-12", "g++-12", _EXCEPTIONS, _GCC, _CXX),
    Compiler("g++-11", "g++-11", _EXCEPTIONS, _GCC, _CXX),
    Compiler("clang-14", "clang-14", ("preserve_all.c",), _CLANG, _AS),
    Compiler("clang-19", "clang-19", ("preserve_all.c",), _CLANG, _AS),
    Compiler("clang-19", "clang-19", ("preserve_none.c",), _CLANG_NONE, _AS),
    Compiler("clang++-14", "clang-14", _EXCEPTIONS, _CLANG, (*_CXX, *_AS)),
    Compiler("clang++-19", "clang-19", _EXCEPTIONS, _CLANG, (*_CXX, *_AS)),
    Compiler("gfortran-12", "gfortran-12", _FORTRAN, _PLAIN),
    Compiler("gfortran-11", "gfortran-11", _FORTRAN, _PLAIN),
    Printed("flang-new-19", "flang-19", _FORTRAN, ("-O0", "-O2", "-O3")),
    Rust("rustc", "rustc", ("dispatch.rs",), _RUST),
    Ada("gnatmake-12", "gnat-12", ("dispatch.adb",), _PLAIN),
    Compiler("gdc-12", "gdc-12", _D, _PLAIN),
    Ldc("ldc2", "ldc", _D, ("-O0", "-O2", "-O3", "-O2 --x86-asm-syntax=intel")),
    Compiler("gccgo-12", "gccgo-12", ("dispatch.go",), _PLAIN, ("-g0",)),
)
