#!/bin/sh
# Makes the layer of one macOS target: TARGET is in the environment.
set -eu
. /recipe/fetching.sh
DEST=/layer

mkdir -p "$DEST/opt/xbuild/bin"
/opt/xbuild/bin/build-std "$TARGET" "$DEST"

echo "crates that bind macOS' frameworks"
(cd /recipe/bindings && CARGO_HOME=/tmp/cargo cargo vendor --quiet --locked --versioned-dirs \
    ${CARGO_INDEX:+--respect-source-config} /tmp/bindings)
# Parts of the base that this stands on move: what is not there ends this recipe
for part in ziglang/lib/libc/darwin/libSystem.tbd ziglang/lib/libc/include/any-darwin-any/TargetConditionals.h; do
    [ -e "/opt/xbuild/py/$part" ] || { echo "zig has no $part" >&2; exit 1; }
done

echo "headers and stubs of libraries and frameworks"
python3 /recipe/make_sdk.py \
    --zig-lib /opt/xbuild/py/ziglang/lib \
    --llvm /usr/lib/llvm \
    --stubs /recipe/stubs.toml \
    --bindings /tmp/bindings \
    --out "$DEST/opt/xbuild/sysroot/macos"
cp /recipe/LICENSES.md "$DEST/opt/xbuild/sysroot/macos/"

for driver in clang clang++; do
    install -m 0755 /recipe/bin/apple-clang "$DEST/opt/xbuild/bin/$TARGET-$driver"
done
install -m 0755 /recipe/bin/xcrun "$DEST/opt/xbuild/bin/"
# By the names that cmake and build scripts look for
for tool in install-name-tool lipo otool; do
    ln -s "/usr/lib/llvm/bin/llvm-$tool" "$DEST/opt/xbuild/bin/$(echo "$tool" | tr - _)"
done
/opt/xbuild/bin/image-manifest --root "$DEST" --extend --name "$TARGET"
