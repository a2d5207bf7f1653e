#!/bin/sh
# Makes the layer of one windows-msvc target: TARGET is in the environment.
set -eu
. /recipe/fetching.sh
DEST=/layer
case $TARGET in
x86_64-*) arch=x86_64 ;;
aarch64-*) arch=aarch64 ;;
i686-*) arch=x86 ;;
*) echo "no windows-msvc sysroot for $TARGET" >&2; exit 1 ;;
esac

mkdir -p "$DEST/opt/xbuild/bin" /tmp/wine
# Only unpacked: installed, it would bring all of Wine
echo "headers of Wine"
if ! pinned libwine-dev trixie; then
    debian_sources trixie > /tmp/archive
    lists_of /tmp/archive /tmp/lists amd64
    resolved libwine-dev trixie only libwine-dev
fi
taken
dpkg-deb -x /tmp/debs/libwine-dev/libwine-dev_*.deb /tmp/wine/root
wine=$(dpkg-deb --field /tmp/debs/libwine-dev/libwine-dev_*.deb Version)

/opt/xbuild/bin/build-std "$TARGET" "$DEST"
echo "export lists of Python"
(cd /recipe/python-defs && CARGO_HOME=/tmp/cargo cargo vendor --quiet --locked --versioned-dirs \
    ${CARGO_INDEX:+--respect-source-config} /tmp/python-defs)
defs=$(echo /tmp/python-defs/python3-dll-a-*)

echo "the sysroot: headers, import libraries, start-up code and libc++"
python3 /recipe/make_sysroot.py \
    --arch "$arch" \
    --zig-lib /opt/xbuild/py/ziglang/lib \
    --wine-headers /tmp/wine/root/usr/include/wine/wine \
    --libcxx-headers /usr/lib/llvm/include/c++/v1 \
    --python-defs "$defs/src" \
    --out "$DEST/opt/xbuild/sysroot"
cp /recipe/LICENSES.md "$DEST/opt/xbuild/sysroot/"
cp /recipe/bin/* "$DEST/opt/xbuild/bin/"
chmod 0755 "$DEST"/opt/xbuild/bin/*

/opt/xbuild/bin/image-manifest --root "$DEST" --extend --name "$TARGET" \
    --component "libwine-dev=$wine" --component "python3-dll-a=${defs##*-}"
