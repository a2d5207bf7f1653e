#!/bin/sh
# Makes the layer of one tester: SUITE, ARCH and PACKAGES (with spaces) are in the environment.
set -eu
. /recipe/fetching.sh
. /recipe/testing.sh
DEST=/layer

# libc-bin brings the locale C.UTF-8, without which PyPy 3.11 does not start
# shellcheck disable=SC2086  # PACKAGES is a list of words
packages "$SUITE" "$ARCH" "$SUITE-$ARCH" whole coreutils dash libc-bin libgcc-s1 libstdc++6 $PACKAGES
taken
unpack "$DEST" /dev/null /tmp/debs/"$SUITE-$ARCH"/*.deb
[ -e "$DEST/usr/bin/sh" ] || ln -s dash "$DEST/usr/bin/sh"
finish "$DEST" "tester-$SUITE-$ARCH"
