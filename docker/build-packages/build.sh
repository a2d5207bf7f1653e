#!/bin/sh
# Installs PACKAGES as apt does, and makes a layer of every file that is new or another one then.
set -eu
. /recipe/fetching.sh
DEST=/layer

# installed: names and versions of the packages that are there
installed() {
    dpkg-query --show --showformat='${binary:Package} ${Version}\n' | sort
}

$DEBS update
installed > /tmp/packages-before
# ctime, which no package sets; a second, so that what is older differs
touch /tmp/before
sleep 1
# shellcheck disable=SC2086  # PACKAGES is a list of words
apt-get -qq --yes --no-install-recommends --no-remove -o Acquire::Retries=5 -o Dpkg::Use-Pty=0 \
    -o APT::Cmd::Pattern-Only=true install $PACKAGES
apt-get -qq clean
installed | comm -13 /tmp/packages-before - | tee /tmp/new

# The base's compiler for build scripts stays clang: gcc's own programs are left out of it
for name in cc=clang gcc=clang x86_64-linux-gnu-gcc=clang c++=clang++ g++=clang++ x86_64-linux-gnu-g++=clang++; do
    link=/usr/bin/${name%=*} wanted=../lib/llvm/bin/${name#*=}
    [ "$(readlink "$link")" = "$wanted" ] || ln -sf "$wanted" "$link"
done

cd /
find / -xdev ! -type d -newercc /tmp/before ! -path '/proc/*' ! -path '/sys/*' ! -path '/dev/*' ! -path '/tmp/*' \
    ! -path '/run/*' ! -path '/recipe/*' ! -path '/layer/*' ! -path '/root/*' ! -path '*/__pycache__/*' \
    ! -path '/var/log/*' ! -path '/var/cache/*' ! -path '/var/lib/apt/lists/*' ! -path '/var/lib/dpkg/*-old' \
    ! -path '/var/lib/dpkg/lock*' ! -path '/var/lib/dpkg/triggers/Lock' ! -path /etc/apt/sources.list \
    ! -path /etc/hosts ! -path /etc/hostname ! -path /etc/resolv.conf ! -path /etc/mtab -print0 |
    xargs --null --no-run-if-empty cp --archive --parents --target-directory "$DEST"
python3 /recipe/extend-manifest /tmp/new "$DEST"
