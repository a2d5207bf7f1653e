#!/bin/sh
# Makes the layer of one zig target: TARGET is in the environment.
set -eu
. /recipe/fetching.sh
DEST=/layer

# headers KIND SUITE: unpack an interpreter's headers to opt/xbuild/python/KIND/include
headers() {
    kind=$1 suite=$2
    case $kind in
    # The headers that go by the architecture are beside the program
    pypy*) package=pypy3-dev more=pypy3 ;;
    # Python.h includes crypt.h up to 3.10
    *) package=lib$kind-dev more=libcrypt-dev ;;
    esac
    arch=$(debian_architecture "$TARGET")
    set=headers-$kind-$arch
    echo "headers of $kind"
    if ! pinned "$set" "$suite"; then
        printf 'deb %s %s main\n' "$ARCHIVE" "$suite" > "/tmp/$suite"
        lists_of "/tmp/$suite" "/tmp/lists-$suite" "$arch"
        resolved "$set" "$suite" only "$package" "$more"
    fi
    [ "${PINS:-follow}" != refresh ] || return 0
    rm -rf /tmp/deb
    mkdir -p /tmp/deb/root "$DEST/opt/xbuild/python/$kind"
    for deb in /tmp/debs/"$set"/*.deb; do dpkg-deb -x "$deb" /tmp/deb/root; done
    cp -a /tmp/deb/root/usr/include "$DEST/opt/xbuild/python/$kind/include"
    found="$found --interpreter $kind=headers:$package/$suite"
}

# warm: let zig compile its C, C++ and unwinding libraries for the target, as builds will ask for them: for a program
# and for an extension module
warm() {
    echo "zig's C and C++ libraries"
    # shellcheck disable=SC2086  # BUILD_ENV is a list of words
    set -- env $BUILD_ENV HOME=/tmp/home XDG_CACHE_HOME=/tmp/cache CARGO_HOME=/tmp/cargo CARGO_TARGET_DIR=/tmp/target \
        ZIG_GLOBAL_CACHE_DIR="$DEST/opt/xbuild/zig-cache" ZIG_LOCAL_CACHE_DIR=/tmp/zig-local \
        maturin build --quiet --release --target "$TARGET" --interpreter python3.11 --zig --frozen --out /tmp/wheels \
        ${COMPATIBILITY:+--compatibility "$COMPATIBILITY"}
    (cd /recipe/warm && "$@" && "$@" --bindings bin)
    # z is for compiling the parts of these libraries that are written in Zig
    rm -rf "$DEST/opt/xbuild/zig-cache/tmp" "$DEST/opt/xbuild/zig-cache/z"
    python3 /recipe/bin/zig-cache-inodes "$DEST/opt/xbuild/zig-cache"
    chmod -R a+rX "$DEST/opt/xbuild/zig-cache"
}

found=
mkdir -p "$DEST/opt/xbuild/bin"
for word in $HEADERS; do headers "${word%/*}" "${word#*/}"; done
taken
# Debian's own rustc brings the library of its own platform
if [ "$TARGET" != x86_64-unknown-linux-gnu ]; then
    /opt/xbuild/bin/build-std "$TARGET" "$DEST"
    ln -s "$DEST/usr/lib/rustlib/$TARGET" "/usr/lib/rustlib/$TARGET"
fi
warm
install -m 0755 /recipe/bin/zig /recipe/bin/zig-cache-inodes "$DEST/opt/xbuild/bin/"
# shellcheck disable=SC2086  # found is a list of words
/opt/xbuild/bin/image-manifest --root "$DEST" --extend --name "$TARGET" $found
