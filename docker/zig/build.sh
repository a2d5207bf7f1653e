#!/bin/sh
# Makes the layer of one zig target: TARGET is in the environment.
set -eu
. /recipe/fetching.sh
DEST=/layer

# headers SUITE PACKAGE KIND: unpack a package of headers to opt/xbuild/python/KIND/include
headers() {
    place=/tmp/headers-$1
    arch=$(debian_architecture "$TARGET")
    set -- "$1" "$2" "$3" -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" \
        -o "Dir::State::Lists=$place" -o "Dir::Etc::SourceList=$place.list" -o Dir::Etc::SourceParts=-
    suite=$1 package=$2 kind=$3
    shift 3
    if [ ! -d "$place" ]; then
        mkdir -p "$place"
        printf 'deb %s %s main\n' "$ARCHIVE" "$suite" > "$place.list"
        apt-get -qq "$@" update
    fi
    echo "headers of $kind"
    rm -rf /tmp/deb
    mkdir -p /tmp/deb "$DEST/opt/xbuild/python/$kind"
    (cd /tmp/deb && apt-get -qq "$@" download "$package" && dpkg-deb -x ./*.deb /tmp/deb/root)
    cp -a /tmp/deb/root/usr/include "$DEST/opt/xbuild/python/$kind/include"
    found="$found --interpreter $kind=headers:$package/$suite"
}

found=
mkdir -p "$DEST"
# Debian's own rustc brings the library of its own platform
[ "$TARGET" = x86_64-unknown-linux-gnu ] || /opt/xbuild/bin/build-std "$TARGET" "$DEST"
case $TARGET in
*-linux-gnu)
    headers bullseye libpython3.9-dev python3.9
    headers bookworm libpython3.11-dev python3.11
    headers trixie libpython3.13-dev python3.13
    headers bookworm pypy3-dev pypy3.9
    headers trixie pypy3-dev pypy3.11
    ;;
esac
# shellcheck disable=SC2086  # found is a list of words
/opt/xbuild/bin/image-manifest --root "$DEST" --extend --name "$TARGET" $found
