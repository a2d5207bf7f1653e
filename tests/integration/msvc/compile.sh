#!/bin/sh
# Runs in the toolchain's container: compiles the sources as cargo-xwin would have cc do, into the working directory.
set -eu
sources=$1
/opt/xbuild/bin/prepare-windows-msvc
xwin=$XWIN_CACHE_DIR/xwin
export LIB="$xwin/crt/lib/x86_64;$xwin/sdk/lib/um/x86_64;$xwin/sdk/lib/ucrt/x86_64"
include=$xwin/sdk/include

compile() {
    source=$1
    object=$2
    shift 2
    clang-cl --target=x86_64-pc-windows-msvc /nologo /c /MD /O2 /W3 /WX /Brepro /imsvc "$xwin/crt/include" \
        /imsvc "$include/ucrt" /imsvc "$include/um" /imsvc "$include/shared" "$@" "$sources/$source" "/Fo$object.obj"
}

compile seh.c seh
compile cookie.c cookie /GS
compile language.cpp language /EHsc /std:c++20
compile loader.cpp loader /EHsc /std:c++20
compile plugin.cpp plugin /EHsc /std:c++20
compile plugin.cpp reluctant /EHsc /std:c++20 /DFAIL_ATTACH
for program in seh cookie language loader; do lld-link "$program.obj" "/out:$program.exe"; done
for library in plugin reluctant; do lld-link /dll "$library.obj" "/out:$library.dll"; done
rm ./*.obj ./*.lib
