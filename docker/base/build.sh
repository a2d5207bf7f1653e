#!/bin/sh
# Makes the base's root file system in /layer, which becomes one layer.
set -eu
. /recipe/fetching.sh
DEST=/layer

# dpkg's path filters leave files out while the package database stays whole. docker/README.md lists them.
set -- \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/i18n/*' \
    --dpkgopt='path-exclude=/usr/src/rustc-*' \
    --dpkgopt='path-include=/usr/src/rustc-*/library/*' \
    --dpkgopt='path-exclude=/usr/src/rustc-*/library/*/tests/*' \
    --dpkgopt='path-exclude=/usr/src/rustc-*/library/*/benches/*' \
    --dpkgopt='path-include=/usr/src/rustc-*/library/vendor/*' \
    --dpkgopt='path-exclude=/usr/libexec/gcc/*' \
    --dpkgopt='path-exclude=/usr/lib/gcc/x86_64-linux-gnu/*/*san*' \
    --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/lib*san.so*' \
    --dpkgopt='path-exclude=/usr/lib/llvm-*/lib/clang/*/lib/*'
for tool in bugpoint dsymutil llc lli opt llvm-c-test llvm-exegesis llvm-gsymutil llvm-jitlink llvm-lto llvm-lto2 \
    llvm-mc llvm-mca llvm-reduce llvm-split llvm-stress llvm-xray llvm-rtdyld llvm-dwarfutil llvm-isel-fuzzer \
    llvm-opt-fuzzer llvm-opt-report llvm-pdbutil llvm-remarkutil llvm-sim llvm-tli-checker llvm-bcanalyzer \
    llvm-cas llvm-cfi-verify llvm-cgdata llvm-diff llvm-dis llvm-extract llvm-ir2vec llvm-profgen \
    llvm-debuginfo-analyzer llvm-debuginfod llvm-debuginfod-find llvm-offload-binary sancov sanstats \
    llvm-bolt verify-uselistorder yaml2obj obj2yaml yaml-bench; do
    set -- "$@" --dpkgopt="path-exclude=/usr/lib/llvm-*/bin/$tool"
done

echo "Debian packages"
# choose SOURCES: which of the packages there are
choose() {
    lists_of "$1" "/tmp/lists$1"
    # shellcheck disable=SC2086  # APT_LISTS is a list of words
    python3 /recipe/choose-packages --llvm "$LLVM" /recipe/packages.txt -- $APT_LISTS > /tmp/packages
}
if ! pinned base "$SUITE"; then
    debian_sources "$SUITE" > /tmp/archive
    [ "$SUITE" = sid ] || printf 'deb %s %s-backports main\n' "$ARCHIVE" "$SUITE" >> /tmp/archive
    choose /tmp/archive
    # shellcheck disable=SC2046  # a package is a word
    resolved base "$SUITE" whole "$(essential "$SUITE")" apt $(cat /tmp/packages)
fi
taken
repository_of base > /tmp/repository
choose /tmp/repository
cat /tmp/packages
bootstrap "$SUITE" "$DEST" base "$@" --include="$(paste -sd, /tmp/packages)"
# cargo refuses a vendored crate of which one file is gone, even one that it never reads
dpkg-query --root="$DEST" --listfiles rust-src | grep /library/vendor/ | while read -r path; do
    [ -e "$DEST$path" ] || { echo "rust-src: the filters left $path out" >&2; exit 1; }
done

echo "Python packages: maturin, zig, cmake"
pip install --quiet --no-deps --no-compile --require-hashes --no-cache-dir --disable-pip-version-check \
    --break-system-packages --root-user-action=ignore --target "$DEST/opt/xbuild/py" -r /recipe/requirements.txt
py=$DEST/opt/xbuild/py
rm -rf "$py/ziglang/doc" "$py"/cmake/data/doc "$py"/cmake/data/man "$py"/cmake/data/share/cmake-*/Help \
    "$py"/cmake/data/bin/ctest "$py"/cmake/data/bin/cpack "$py"/cmake/data/bin/ccmake \
    "$py"/cmake/data/share/vim "$py"/cmake/data/share/emacs "$py"/cmake/data/share/bash-completion

mkdir -p "$DEST/opt/xbuild/bin" "$DEST/opt/xbuild/python"
cp /recipe/bin/* "$DEST/opt/xbuild/bin/"
chmod 0755 "$DEST"/opt/xbuild/bin/*
ln -s ../py/bin/maturin "$DEST/opt/xbuild/bin/maturin"
ln -s ../py/ziglang/zig "$DEST/opt/xbuild/bin/zig"
ln -s ../py/cmake/data/bin/cmake "$DEST/opt/xbuild/bin/cmake"
ln -s ../py/bin/ninja "$DEST/opt/xbuild/bin/ninja"

# One place for whichever major version of LLVM the archive has
ln -s "llvm-$(sed -n 's/^clang-//p' /tmp/packages)" "$DEST/usr/lib/llvm"

# clang serves build scripts and proc-macros as the host's compiler; gcc's own programs are left out
for name in cc gcc x86_64-linux-gnu-gcc; do ln -sf ../lib/llvm/bin/clang "$DEST/usr/bin/$name"; done
for name in c++ g++ x86_64-linux-gnu-g++; do ln -sf ../lib/llvm/bin/clang++ "$DEST/usr/bin/$name"; done
# maturin and cargo-zigbuild look for rust-objcopy when they strip for macOS
mkdir -p "$DEST/usr/lib/rustlib/x86_64-unknown-linux-gnu/bin"
ln -sf /usr/lib/llvm/bin/llvm-objcopy "$DEST/usr/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-objcopy"

echo "what is in it"
tidy "$DEST"
python3 /recipe/bin/image-manifest --root "$DEST" --name base
