#!/bin/sh
# Makes the layer: a Debian root with wine's 64-bit part, an initialised prefix, and the Windows CPythons.
set -eu
. /recipe/fetching.sh
. /recipe/testing.sh
DEST=/layer
ROOM=/layer/opt/xbuild
WINE=$DEST/usr/lib/x86_64-linux-gnu/wine

# wine's own dependencies are X, sound, video and printers; so only what programs without a window need is taken, and
# left-out.txt names the rest; libc-bin brings the locale in which a file may have any name
packages trixie amd64 around-wine whole coreutils dash libc-bin libgnutls30t64 libunwind8
packages trixie amd64 wine only libwine libz-mingw-w64 wine64
taken
version=$(dpkg-deb --field /tmp/debs/wine/libwine_*.deb Version)
dpkg-deb --extract /tmp/debs/wine/libz-mingw-w64_*.deb /tmp/zlib
rm /tmp/debs/wine/libz-mingw-w64_*.deb
unpack "$DEST" /recipe/left-out.txt /tmp/debs/around-wine/*.deb /tmp/debs/wine/*.deb

# what libwine's postinst does: zlib for Windows with wine's mark in its DOS header
python3 - "/tmp/zlib/usr/x86_64-w64-mingw32/lib/zlib1.dll" "$WINE/x86_64-windows/zlib1.dll" << 'END'
import pathlib, sys
body = pathlib.Path(sys.argv[1]).read_bytes()
pathlib.Path(sys.argv[2]).write_bytes(body[:64] + b"Wine builtin DLL".ljust(32, b"\0") + body[96:])
END
apt-get -qq update
apt-get -qq install --yes --no-install-recommends binutils libunwind8 > /dev/null
strip --strip-debug "$WINE"/x86_64-windows/*.dll "$WINE"/x86_64-windows/*.exe "$WINE"/x86_64-windows/*.sys
strip --strip-unneeded "$WINE"/x86_64-unix/*.so

mkdir -p "$ROOM/bin"
install -m 0755 /recipe/bin/windows-python "$ROOM/bin/windows-python"
python3 /recipe/windows_pythons.py /recipe/pythons.txt "$ROOM/windows"
/bin/sh /recipe/make-prefix.sh "$DEST" "$ROOM/prefix"

set --
while read -r kind python _; do
    case $kind in python*) set -- "$@" --interpreter "$kind=$python" ;; esac
done < /recipe/pythons.txt
finish "$DEST" tester-wine --tool "wine=${version%%[~-]*}" "$@"
